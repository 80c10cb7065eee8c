// Hands mail over to "parley serve" by nodemailer and by fetch, and prints a line of JSON for each. What they have in common, and
// what they are told, stands in serve_programs_test.go.
//
//	node send.js '{"ways": [...], "ca": "ca.pem", "http": "https://127.0.0.1:8026", "user": "kim", "password": "…"}'
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const { PassThrough } = require('node:stream');
const nodemailer = require('nodemailer');

const told = JSON.parse(process.argv[2]);
const ca = fs.readFileSync(told.ca);
const tell = line => console.log(JSON.stringify(line));

function letter(sort, to) {
	const mail = {
		from: '"财务部" <accounts@example.net>', subject: '三月对账单',
		to: [{ name: 'Kim "Grüße" 李', address: to + '@example.net' }], text: 'Grüße, 三月\n.\n..\n. x\n.end',
	};
	if (sort === 'files') {
		mail.html = '<p>Grüße, <b>三月</b></p>';
		mail.attachments = [{ filename: '对账单.pdf', content: crypto.randomBytes(70000) }, { filename: 'note.txt', content: '.\r\n..\r\nnote', contentTransferEncoding: '7bit' }];
	}
	if (sort === 'many') {
		mail.to.push(to + '.2@example.net');
		mail.cc = '"李" <' + to + '.cc@example.net>';
		mail.bcc = to + '.bcc@example.net';
	}
	if (sort === 'text') { // nodemailer has no 8 bits of its own
		mail.raw = `From: accounts@example.net\r\nTo: ${to}@example.net\r\nSubject: x\r\nDate: Mon, 23 Nov 2026 09:00:00 +0800\r\nMessage-ID: <${to}@example.net>\r\nMIME-Version: 1.0\r\n`
			+ 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n' + mail.text.replaceAll('\n', '\r\n') + '\r\n';
		mail.envelope = { from: 'accounts@example.net', to: to + '@example.net', use8BitMime: true };
	}
	return mail;
}

const bare = a => typeof a === 'string' ? a.replace(/^.*<|>$/g, '') : a.address;
const everybody = mail => [].concat(mail.to, mail.cc || [], mail.bcc || []).map(bare);

// octets are those of a mail, as nodemailer makes them.
function octets(transport) {
	const kept = {};
	transport.use('stream', (mail, done) => {
		const chunks = [];
		mail.message.transform(() => {
			const tee = new PassThrough();
			tee.on('data', chunk => chunks.push(chunk));
			tee.on('end', () => { kept.content = Buffer.concat(chunks).toString('base64'); });
			return tee;
		});
		done();
	});
	return kept;
}

async function send(way, mechanism, sort, password) {
	const to = `nodemailer.${way.name}.${(mechanism || 'none').toLowerCase()}.${sort}`;
	const how = { host: 'localhost', port: way.port, name: 'localhost', secure: way.mode === 'TLS', requireTLS: way.mode === 'STARTTLS', ignoreTLS: way.mode === 'plain', tls: { ca } };
	if (mechanism) {
		how.auth = { user: told.user, pass: password };
		how.authMethod = mechanism === 'any' ? undefined : mechanism;
	}
	const transport = nodemailer.createTransport(how);
	const kept = octets(transport);
	const mail = letter(sort, to);
	const line = { way: way.name, mechanism, sort, from: 'accounts@example.net', to: everybody(mail) };
	try {
		await transport.sendMail(mail);
	} catch (err) {
		Object.assign(line, { error: err.message, code: err.responseCode });
	}
	transport.close();
	tell(Object.assign(line, kept));
}

async function post(type, body, key, password) {
	const headers = { 'Content-Type': type, Authorization: 'Basic ' + Buffer.from(told.user + ':' + (password || told.password)).toString('base64') };
	if (key) {
		headers['Idempotency-Key'] = key;
	}
	const resp = await fetch(told.http + '/api/v1/messages', { method: 'POST', headers, body });
	return { status: resp.status, answer: await resp.json() };
}

async function byHTTP() {
	const json = (more, key, password) => post('application/json', JSON.stringify(Object.assign({
		from: '财务部 <accounts@example.net>', to: ['"Kim \\"Grüße\\" 李" <nodemailer.http.json@example.net>', 'nodemailer.http.json.2@example.net'],
		cc: [{ name: '李', address: 'nodemailer.http.json.cc@example.net' }], bcc: 'nodemailer.http.json.bcc@example.net',
		subject: '三月对账单', text: 'Grüße, 三月\n.\n..\n. x\n.end', html: '<p>Grüße, <b>三月</b></p>',
		attach: [{ name: '对账单.bin', content: Buffer.from('\x00\x01\xff\r\n.'.repeat(10000), 'latin1').toString('base64') }],
		header: [{ name: 'X-Parley-Cell', value: 'json' }],
	}, more)), key, password);
	const said = (sort, answer) => tell(Object.assign({ way: 'http', sort }, answer));
	for (const sort of ['first', 'again']) {
		said('json ' + sort, await json({}, 'nodemailer json'));
	}
	said('key of another', await json({ to: 'else@example.net' }, 'nodemailer json'));
	said('no such field', await json({ sbuject: 'x' }));
	said('wrong password', await json({}, undefined, 'not it'));
	said('wrong sender', await json({ from: 'boss@example.org' }));
	const messages = ['nodemailer.http.batch.0@example.net', 'no address', 'nodemailer.http.batch.2@example.net'].map((to, n) => ({ from: 'accounts@example.net', to, subject: String(n), text: n + '\n' }));
	for (const sort of ['first', 'again']) {
		said('batch ' + sort, await post('application/json', JSON.stringify({ messages }), 'nodemailer batch'));
	}
	for (const sort of ['text', 'files', 'many']) {
		const mail = letter(sort, 'nodemailer.http.raw.' + sort);
		const made = await nodemailer.createTransport({ streamTransport: true, buffer: true, newline: 'windows' }).sendMail(Object.assign({}, mail));
		let raw = made.message;
		if (mail.bcc) {
			raw = Buffer.concat([Buffer.from('Bcc: ' + mail.bcc + '\r\n'), raw]);
		}
		for (const again of ['', ' again']) {
			const answer = await post('message/rfc822', raw, 'nodemailer raw ' + sort);
			said('raw ' + sort + again, Object.assign({ from: 'accounts@example.net', to: everybody(mail), content: raw.toString('base64') }, answer));
		}
	}
}

async function main() {
	for (const way of told.ways) {
		if (!way.login) {
			for (const sort of ['text', 'files', 'many']) {
				await send(way, '', sort, '');
			}
			continue;
		}
		for (const mechanism of ['any', 'PLAIN', 'LOGIN', 'CRAM-MD5']) {
			for (const sort of mechanism === 'any' ? ['text', 'files', 'many'] : ['text']) {
				await send(way, mechanism, sort, told.password);
			}
		}
		await send(way, 'PLAIN', 'wrong', 'not it');
		await send(way, '', 'stranger', '');
	}
	await byHTTP();
}

main();
