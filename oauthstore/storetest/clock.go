package storetest

var clockRules []rule
