package failtext

// Spent returns how many bytes are read to classify a text, counting those
// twice that are read twice.
func Spent(text string) int {
	r := newReader(Known{})
	text = r.input(text)
	before := r.budget
	r.text(text, 0)
	return before - r.budget
}
