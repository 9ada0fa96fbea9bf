// Package redisstore keeps the records of package oauthstore in Redis 6 or
// later, or what speaks its protocol and runs its scripts, such as Valkey.
//
//	client := redis.NewClient(…) // the application's own
//	backend, err := redisstore.New(client, nil)
//	if err != nil {
//		return err
//	}
//	defer backend.Close()
//	// backend is a backend.Backend: hand it to oauthstore.New
//
// Every write is one script, which compares, writes, keeps the indexes and
// publishes in one step. Where go-redis sends it again after a lost connection,
// it is still done once.
//
// # Durability: read this first
//
// As it is installed, Redis may forget the last seconds, or evict records when
// memory is short, and a refresh token that was rotated and then forgotten
// exists nowhere else: its user has to connect again. Keep credentials in a
// Redis only if all of this holds, and else in PostgreSQL (package pgstore):
//
//   - appendonly yes and appendfsync always: a write is on disk before it is
//     answered. With everysec a crash loses up to two seconds.
//   - maxmemory-policy noeviction. Records are no cache.
//   - With replicas that may be promoted: min-replicas-to-write at least 1, and
//     the knowledge that it is not enough. Redis replicates after it has
//     answered, so a failover may lose what was just written.
//
// # Cluster
//
// All keys of one prefix have one hash tag and so lie on one node: a prefix
// scales as one Redis does.
//
// # Watch
//
// Each write publishes, and [Backend.Watch] subscribes on a connection of its
// own that the client makes. It publishes a message to itself at the start and
// then every few seconds, and ends when that does not arrive, so that a
// connection which has silently stopped to deliver is found out.
//
// # Security
//
// oauthstore.Store seals records before it passes them to this package. The ids
// and the times are stored in clear; the keys contain hashes of the ids.
//
// # Errors
//
// Errors match backend.ErrNotFound, ErrConflict, ErrClosed, ErrUnavailable
// or the context's error. Of Redis's messages they hold the first word, such as
// READONLY or OOM.
package redisstore
