package oauthstore

import "context"

// Peek returns the pair as it is stored, also one that has ended or was
// refused. It refreshes nothing, asks nobody and changes nothing, so it is for
// finding out what is wrong; what is to be used comes from [Store.Token].
func (s *Store) Peek(ctx context.Context, key Key) (Token, error) {
	sn, err := s.read(ctx, key)
	if err == nil && !sn.rec.Tombstone.IsZero() {
		err = ErrNotFound
	}
	if err != nil {
		return Token{}, s.fail("peek", key, err)
	}
	return sn.token, nil
}
