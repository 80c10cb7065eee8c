// Package config reads the file in which servers have names, and changes it without
// losing what people wrote there.
//
// [Find] says which file it is, [Read] reads it, [File.Server] gives a server by its
// name, and [Server.Client] makes a client of it. That asks a [Vault] for the server's
// secret, which stands somewhere else: in the environment, in a file, in the system's
// keyring, in a credential of systemd, or in what a command prints. A secret is never
// in a String, in JSON or in an error; [Secret] says where it is and not what.
//
// [Add], [Remove], [SetSecret] and [SetDefault] take the text of a file and give another:
// comments, order and whatever else stands there stay. [Write] puts it in place, whole or
// not at all.
//
// What is wrong with a file is told all at once, as [Faults]: each with its line, in English
// and in Chinese.
//
// docs/config.md describes the file. This package asks nobody anything, and prints nothing.
package config
