<?php
// Sends one mail by PHPMailer, as a program would, and writes what it sent to FILE:
//
//   php /peers/phpmailer.php MODE PORT USER PASSWORD FROM TO FILE
//
// MODE is plain, STARTTLS or TLS. Without USER there is no login.
require '/usr/share/php/libphp-phpmailer/src/Exception.php';
require '/usr/share/php/libphp-phpmailer/src/PHPMailer.php';
require '/usr/share/php/libphp-phpmailer/src/SMTP.php';

[, $mode, $port, $user, $password, $from, $to, $file] = $argv;

$mail = new PHPMailer\PHPMailer\PHPMailer(true);
$mail->isSMTP();
$mail->Host = 'localhost';
$mail->Port = (int) $port;
$mail->SMTPAutoTLS = false;
$mail->SMTPSecure = ['plain' => '', 'STARTTLS' => 'tls', 'TLS' => 'ssl'][$mode];
$mail->SMTPOptions = ['ssl' => ['cafile' => '/state/tls/ca.pem']];
$mail->SMTPAuth = $user !== '';
$mail->Username = $user;
$mail->Password = $password;
$mail->CharSet = 'utf-8';
$mail->setFrom($from, '财务部');
$mail->addAddress($to);
$mail->Subject = '三月对账单';
$mail->Body = "<p>见附件。</p>\n.\n.x\n" . str_repeat('一行很长的话。', 200);
$mail->AltBody = "见附件。\n.\n..\n";
$mail->isHTML(true);
$mail->addStringAttachment(random_bytes(200000), '对账单.pdf');
$mail->send();
file_put_contents($file, $mail->getSentMIMEMessage());
