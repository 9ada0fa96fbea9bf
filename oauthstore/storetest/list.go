package storetest

var listRules []rule
