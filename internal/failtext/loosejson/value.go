package loosejson

import "strconv"

// A Value is nil, a bool, a string, a [Partial] string, a [Number], an [Array]
// or an [*Object]. null, None, nil, undefined and NaN are nil; other bare words are
// strings.
type Value any

// A Partial is a string that the end of the text cut off.
type Partial string

// A Number is the text of a number.
type Number string

// Int returns the number if it is a whole one, such as "32600" or "424.0".
func (n Number) Int() (int, bool) {
	if i, err := strconv.Atoi(string(n)); err == nil {
		return i, true
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil || f != float64(int32(f)) {
		return 0, false
	}
	return int(f), true
}

// NumberOf returns the number n.
func NumberOf(n int) Number { return Number(strconv.Itoa(n)) }

// An Array is a list, or a Python tuple.
type Array struct {
	Items []Value
	Cut   bool // the text ended within it
}

// An Object is a map. The last value of a repeated key counts, as in
// encoding/json.
type Object struct {
	Keys []string // in the order of the text
	vals map[string]Value
	Cut  bool // the text ended within it
}

// Get returns the value of key, nil if there is none.
func (o *Object) Get(key string) Value {
	if o == nil {
		return nil
	}
	return o.vals[key]
}

// Has reports whether the object has the key, even with a nil value.
func (o *Object) Has(key string) bool {
	if o == nil {
		return false
	}
	_, ok := o.vals[key]
	return ok
}

// Set sets the value of key.
func (o *Object) Set(key string, v Value) {
	if o.vals == nil {
		o.vals = make(map[string]Value)
	}
	if _, ok := o.vals[key]; !ok {
		o.Keys = append(o.Keys, key)
	}
	o.vals[key] = v
}
