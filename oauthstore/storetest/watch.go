package storetest

var watchRules []rule
