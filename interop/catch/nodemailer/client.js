// Sends a mail by nodemailer for each line of JSON that it reads, and prints a line of JSON: what its caller saw.
//
//	{"port": 1025, "to": "kim@example.net", "user": "kim", "password": "…", "ca": "ca.pem", "timeout": 2}
'use strict';

const fs = require('node:fs');
const readline = require('node:readline');
const nodemailer = require('nodemailer');

async function send(at) {
	const ms = at.timeout * 1000;
	const transport = nodemailer.createTransport({
		host: 'localhost', port: at.port, name: 'localhost', requireTLS: true, tls: { ca: fs.readFileSync(at.ca) },
		auth: { user: at.user, pass: at.password },
		connectionTimeout: ms, greetingTimeout: ms, socketTimeout: ms, dnsTimeout: ms,
	});
	try {
		await transport.sendMail({ from: 'accounts@example.net', to: at.to, subject: 'fault', text: 'one\n' });
		return { error: '' };
	} catch (err) {
		return { error: err.code || err.name, command: err.command, code: err.responseCode, response: err.response, message: err.message };
	} finally {
		transport.close();
	}
}

(async () => {
	for await (const line of readline.createInterface({ input: process.stdin })) {
		console.log(JSON.stringify(await send(JSON.parse(line))));
	}
})();
