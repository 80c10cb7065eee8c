// Sends a mail by nodemailer as a program does that knows no more than SMTP_URL.
'use strict';

const nodemailer = require('nodemailer');

nodemailer.createTransport(process.env.SMTP_URL).sendMail({ from: 'accounts@example.net', to: 'kim@example.net', subject: 'by URL', text: 'one\n' }).then(
	(info) => console.log(info.response),
	(err) => { console.error(err.message); process.exit(1); },
);
