package sqlitestore

import "database/sql"

// DB returns the handle, to look at the settings of its connections.
func (b *Backend) DB() *sql.DB { return b.db }

// ListQuery is the statement for a page.
var ListQuery = listQuery

// BatchQuery is the statement for a batch.
var BatchQuery = batchQuery
