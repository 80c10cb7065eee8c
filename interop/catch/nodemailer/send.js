// Sends by nodemailer to a server, in each way that programs use it, and prints for each mail a line of JSON: what was
// to arrive, octet for octet, and what nodemailer told its caller.
//
//	node send.js '{"port": 1025, "tls": 1465, "ca": "ca.pem", "user": "kim", "password": "…"}'
'use strict';

const fs = require('node:fs');
const { PassThrough } = require('node:stream');
const nodemailer = require('nodemailer');

const to = JSON.parse(process.argv[2]);
const ca = fs.readFileSync(to.ca);
const open = { host: '127.0.0.1', port: to.port, name: 'localhost', ignoreTLS: true };
const startTLS = { host: 'localhost', port: to.port, name: 'localhost', requireTLS: true, tls: { ca } };
const implicit = { host: 'localhost', port: to.tls, name: 'localhost', secure: true, tls: { ca } };
const login = { user: to.user, pass: to.password };
const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

const letter = { from: '"财务部" <accounts@example.net>', subject: '三月对账单', text: 'Grüße\n.\n..\n. x\n' };

// kept gathers the octets of each mail, as nodemailer makes them.
function kept(transport, sent) {
	transport.use('stream', (mail, done) => {
		const chunks = [];
		const tee = new PassThrough();
		mail.message.transform(() => {
			tee.on('data', chunk => chunks.push(chunk));
			return tee;
		});
		tee.on('end', () => sent.set(mail.data.to || mail.data.envelope.to, Buffer.concat(chunks).toString('base64')));
		done();
	});
}

async function send(name, how, mails, more = {}) {
	const transport = nodemailer.createTransport(Object.assign({}, how, more));
	const sent = new Map();
	kept(transport, sent);
	await Promise.all(mails.map(async (mail, n) => {
		const said = { case: name, to: mail.to || mail.envelope.to };
		try {
			const info = await transport.sendMail(Object.assign({}, letter, mail));
			Object.assign(said, { envelope: info.envelope, response: info.response, accepted: info.accepted, rejected: info.rejected });
		} catch (err) {
			Object.assign(said, { error: err.code, command: err.command, code: err.responseCode, response: err.response, message: err.message });
		}
		said.content = sent.get(said.to);
		console.log(JSON.stringify(said));
	}));
	transport.close();
}

const one = name => [{ to: name + '@example.net' }];

async function main() {
	await send('plain', open, one('plain'));
	await send('STARTTLS', startTLS, one('starttls'));
	await send('TLS at once', implicit, one('tls'));
	for (const authMethod of ['PLAIN', 'LOGIN', 'CRAM-MD5']) {
		const name = authMethod.toLowerCase();
		await send('AUTH ' + authMethod, open, one('auth-' + name), { auth: login, authMethod });
		await send('AUTH ' + authMethod + ', STARTTLS', startTLS, one('auth-tls-' + name), { auth: login, authMethod });
		await send('wrong password by ' + authMethod, open, one('wrong-' + name), { auth: { user: to.user, pass: 'not it' }, authMethod });
	}
	await send('pool', open, Array.from({ length: 40 }, (_, n) => ({ to: 'pool-' + n + '@example.net', text: letter.text + n })), { pool: true, maxConnections: 3, maxMessages: 7 });
	await send('pool, TLS and AUTH', implicit, Array.from({ length: 12 }, (_, n) => ({ to: 'pool-tls-' + n + '@example.net' })), { pool: true, maxConnections: 2, auth: login });
	await send('attachments', open, [{
		to: 'attachments@example.net', html: '<p>Grüße <img src="cid:dot"></p>',
		attachments: [
			{ filename: '对账单.bin', content: Buffer.from(Array.from({ length: 70000 }, (_, n) => n * 7 & 255)) },
			{ filename: 'dot.png', content: picture, cid: 'dot' },
			{ filename: 'note.txt', content: '.\r\n..\r\nnote' },
		],
		icalEvent: { method: 'REQUEST', content: 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n' },
	}]);
	await send('5 MiB', open, [{ to: 'large@example.net', attachments: [{ filename: 'large', content: Buffer.alloc(5 << 20, 'parley ') }] }]);
	await send('DSN', open, [{ to: 'dsn@example.net', dsn: { id: 'ENV-1', return: 'headers', notify: ['failure', 'delay'], recipient: 'dsn@example.net' } }]);
	await send('SMTPUTF8', open, [{ to: '测试@example.net', from: 'grüße@example.net' }]);
	await send('international domain', open, [{ to: 'kim@bücher.example' }]);
	await send('raw', open, [{ envelope: { from: 'accounts@example.net', to: 'raw@example.net' }, raw: 'Subject: raw\n\n.leading dot\nlast line without end' }]);
	await send('envelope of its own', open, [{ envelope: { from: '', to: 'bounce@example.net' }, to: 'bounce@example.net', subject: 'null reverse-path' }]);
	await send('Bcc', open, [{ to: 'seen@example.net', cc: 'copy@example.net', bcc: 'unseen@example.net' }]);
	await send('a hundred recipients', open, [{ to: Array.from({ length: 100 }, (_, n) => 'many-' + n + '@example.net').join(', ') }]);
	await send('base64 text', open, [{ to: 'base64@example.net', textEncoding: 'base64', text: '三月\n'.repeat(400) }]);
	await send('long lines', open, [{ to: 'long@example.net', text: 'a word '.repeat(3000) }]);
	await send('verify', open, []);
	for (const how of [open, startTLS, implicit]) {
		const transport = nodemailer.createTransport(Object.assign({}, how, { auth: login }));
		console.log(JSON.stringify({ case: 'verify', ok: await transport.verify() }));
		transport.close();
	}
}

main();
