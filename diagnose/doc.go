// Package diagnose goes from a conversation that failed to its cause and its fix.
//
// [Explain] takes an error, of this module's or of anybody's, and [Reply] what a
// server said. Both give a [Diagnosis]: what kind of failure it is, whether the
// same mail may fare better later, what it comes of, what to do, in English and in
// Chinese, and how sure that is. [Text] takes what a person pastes: a line of
// another program's log, a bounce, an error of another language's library; it is
// unwrapped until what the server said, or what this machine said, is left.
//
// What is known stands in the folder facts, in TOML to be read, edited and reviewed by people:
// the kinds, the providers, and for each provider the replies it gives and what
// those mean. They are in the binary, and [Read] puts newer ones over them.
//
// A diagnosis never invents. Where no rule knows the words, it says what the reply code
// alone means, and its confidence says so.
//
// It does not look at the network: package check does.
package diagnose
