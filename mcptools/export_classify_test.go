package mcptools

// Spent returns how many bytes are looked at to classify a text, counting
// those twice that are looked at twice.
func Spent(raw []byte) int {
	c := newClassifier(nil)
	text := c.read(raw)
	before := c.budget
	c.text(text, 0)
	return before - c.budget
}
