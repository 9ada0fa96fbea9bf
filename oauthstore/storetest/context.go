package storetest

var contextRules []rule
