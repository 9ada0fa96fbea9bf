package relay

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBodyTakesTheMemoryThatItNeeds(t *testing.T) {
	t.Parallel()
	const size = 10_000
	m := newMemory(3 * size)
	b := m.share(2 * size).buffer(size)
	require.NoError(t, b.readAll(strings.NewReader(strings.Repeat("x", size)), size))
	assert.EqualValues(t, 2*size, m.left.Load(), "a body of known length takes no more than that")
	assert.Len(t, b.data, size)

	require.NoError(t, b.replace(make([]byte, size/2)))
	assert.EqualValues(t, 2*size+size/2, m.left.Load())
	require.NoError(t, b.charge(2*size))
	require.ErrorIs(t, b.charge(2*size+1), errMemory)
	assert.EqualValues(t, size, m.left.Load(), "an error changes nothing")
	require.ErrorIs(t, b.replace(make([]byte, 2*size+1)), errMemory)
	assert.Len(t, b.data, size/2)
	for range 2 {
		b.free()
		assert.EqualValues(t, 3*size, m.left.Load())
	}
}

func TestBodyOfUnknownLengthIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, size := range []int{0, 1, minBuffer - 1, minBuffer, minBuffer + 1, 10_000} {
		text := strings.Repeat("x", size)
		m := newMemory(1 << 20)
		b := m.buffer(10_000)
		require.NoError(t, b.readAll(iotest.OneByteReader(strings.NewReader(text)), -1))
		assert.Equal(t, text, string(b.data))
		b.free()
		require.NoError(t, b.readAll(iotest.DataErrReader(strings.NewReader(text)), -1))
		assert.Equal(t, text, string(b.data))
		b.free()
		require.ErrorIs(t, b.readAll(iotest.ErrReader(broken), -1), broken)
		assert.EqualValues(t, 1<<20, m.left.Load())
	}
	b := newMemory(1 << 20).buffer(10_000)
	require.ErrorIs(t, b.readAll(strings.NewReader(strings.Repeat("x", 10_001)), -1), errTooLarge)
}
