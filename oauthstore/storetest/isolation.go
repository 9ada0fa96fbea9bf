package storetest

var isolationRules []rule
