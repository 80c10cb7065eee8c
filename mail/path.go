package mail

// A Path is an address as the envelope bears it: RFC 5321 §4.1.2. The zero Path
// is the null reverse-path, <>, which a mail bears when nobody is to be told that
// it failed.
//
// Local is kept as it is meant, without quotes and backslashes; they are added
// where a path is written. Domain may hold U-labels (例子.中国).
type Path struct{ Local, Domain string }
