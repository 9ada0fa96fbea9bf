package storetest

var handleRules []rule
