<?php
// Hands mail over to "parley serve" by PHPMailer and by PHP's own streams, and prints a line of JSON for each. What they have in
// common, and what they are told, stands in serve_programs_test.go.
//
//   php send.php '{"ways": [...], "ca": "ca.pem", "http": "https://127.0.0.1:8026", "user": "kim", "password": "…"}'
require '/usr/share/php/libphp-phpmailer/src/Exception.php';
require '/usr/share/php/libphp-phpmailer/src/PHPMailer.php';
require '/usr/share/php/libphp-phpmailer/src/SMTP.php';

use PHPMailer\PHPMailer\PHPMailer;

$told = json_decode($argv[1], true);

function tell(array $line): void
{
    echo json_encode($line), "\n";
}

/** A mail of one of the sorts; the recipients' addresses begin with $to. */
function letter(string $sort, string $to): PHPMailer
{
    $mail = new PHPMailer(true);
    $mail->CharSet = 'utf-8';
    $mail->setFrom('accounts@example.net', '财务部');
    $mail->Subject = '三月对账单';
    $mail->addAddress("$to@example.net", 'Kim "Grüße" 李');
    $mail->Body = "Grüße, 三月\n.\n..\n. x\n.end";
    switch ($sort) {
        case 'text':
            $mail->Encoding = '8bit';
            break;
        case 'files':
            $mail->isHTML(true);
            $mail->AltBody = $mail->Body;
            $mail->Body = "<p>见附件。</p>\n.\n.x\n" . str_repeat('一行很长的话。', 200);
            $mail->addStringAttachment(random_bytes(70000), '对账单.pdf');
            $mail->addStringAttachment(".\r\n..\r\nnote", 'note.txt', '8bit');
            break;
        case 'many':
            $mail->addAddress("$to.2@example.net");
            $mail->addCC("$to.cc@example.net", '李');
            $mail->addBCC("$to.bcc@example.net");
    }
    return $mail;
}

function send(array $told, array $way, string $mechanism, string $sort, string $password): void
{
    $to = "php.{$way['name']}." . strtolower($mechanism ?: 'none') . ".$sort";
    $mail = letter($sort, $to);
    $mail->isSMTP();
    $mail->Host = 'localhost';
    $mail->Port = $way['port'];
    $mail->SMTPAutoTLS = false;
    $mail->SMTPSecure = ['plain' => '', 'STARTTLS' => 'tls', 'TLS' => 'ssl'][$way['mode']];
    $mail->SMTPOptions = ['ssl' => ['cafile' => $told['ca']]];
    $mail->SMTPAuth = $mechanism !== '';
    $mail->AuthType = $mechanism === 'any' ? '' : $mechanism;
    $mail->Username = $told['user'];
    $mail->Password = $password;
    $line = ['way' => $way['name'], 'mechanism' => $mechanism, 'sort' => $sort, 'from' => 'accounts@example.net', 'to' => array_map(fn ($a) => $a[0], array_merge($mail->getToAddresses(), $mail->getCcAddresses(), $mail->getBccAddresses()))];
    try {
        $mail->send();
    } catch (Exception $e) {
        $line['error'] = $e->getMessage() . ' ' . json_encode($mail->getSMTPInstance()->getError());
    }
    // PHPMailer ends each line of what it has made, the empty one behind the last too.
    tell($line + ['content' => base64_encode($mail->getSentMIMEMessage() . "\r\n")]);
}

/** A request by PHP's streams. */
function post(array $told, string $path, string $type, string $body, array $more = [], ?string $password = null): array
{
    $header = ["Content-Type: $type", 'Authorization: Basic ' . base64_encode($told['user'] . ':' . ($password ?? $told['password']))];
    $answer = file_get_contents($told['http'] . $path, false, stream_context_create(['ssl' => ['cafile' => $told['ca']], 'http' => [
        'method' => 'POST', 'header' => array_merge($header, $more), 'content' => $body, 'ignore_errors' => true, 'timeout' => 20,
    ]]));
    return ['status' => (int) explode(' ', $http_response_header[0])[1], 'answer' => json_decode($answer, true)];
}

function byHTTP(array $told): void
{
    $one = [
        'from' => '财务部 <accounts@example.net>', 'to' => ['"Kim \"Grüße\" 李" <php.http.json@example.net>', 'php.http.json.2@example.net'],
        'cc' => [['name' => '李', 'address' => 'php.http.json.cc@example.net']], 'bcc' => 'php.http.json.bcc@example.net',
        'subject' => '三月对账单', 'text' => "Grüße, 三月\n.\n..\n. x\n.end", 'html' => '<p>Grüße, <b>三月</b></p>',
        'attach' => [['name' => '对账单.bin', 'content' => base64_encode(str_repeat("\x00\x01\xff\r\n.", 10000))]],
        'header' => [['name' => 'X-Parley-Cell', 'value' => 'json']],
    ];
    foreach (['first', 'again'] as $sort) {
        tell(['way' => 'http', 'sort' => "json $sort"] + post($told, '/api/v1/messages', 'application/json', json_encode($one), ['Idempotency-Key: php json']));
    }
    $other = ['to' => 'else@example.net'] + $one;
    tell(['way' => 'http', 'sort' => 'key of another'] + post($told, '/api/v1/messages', 'application/json', json_encode($other), ['Idempotency-Key: php json']));
    tell(['way' => 'http', 'sort' => 'no such field'] + post($told, '/api/v1/messages', 'application/json', json_encode(['sbuject' => 'x'] + $one)));
    tell(['way' => 'http', 'sort' => 'wrong password'] + post($told, '/api/v1/messages', 'application/json', json_encode($one), [], 'not it'));
    tell(['way' => 'http', 'sort' => 'wrong sender'] + post($told, '/api/v1/messages', 'application/json', json_encode(['from' => 'boss@example.org'] + $one)));
    $batch = ['messages' => array_map(fn ($n) => ['from' => 'accounts@example.net', 'to' => $n === 1 ? 'no address' : "php.http.batch.$n@example.net", 'subject' => "$n", 'text' => "$n\n"], range(0, 2))];
    foreach (['first', 'again'] as $sort) {
        tell(['way' => 'http', 'sort' => "batch $sort"] + post($told, '/api/v1/messages', 'application/json', json_encode($batch), ['Idempotency-Key: php batch']));
    }
    foreach (['text', 'files', 'many'] as $sort) {
        $mail = letter($sort, "php.http.raw.$sort");
        $mail->Mailer = 'sendmail'; // so that it says Bcc
        $mail->preSend();
        $raw = $mail->getSentMIMEMessage();
        $to = array_map(fn ($a) => $a[0], array_merge($mail->getToAddresses(), $mail->getCcAddresses(), $mail->getBccAddresses()));
        foreach (['', ' again'] as $again) {
            tell(['way' => 'http', 'sort' => "raw $sort$again", 'from' => 'accounts@example.net', 'to' => $to, 'content' => base64_encode($raw)]
                + post($told, '/api/v1/messages', 'message/rfc822', $raw, ["Idempotency-Key: php raw $sort"]));
        }
    }
}

foreach ($told['ways'] as $way) {
    if (!$way['login']) {
        foreach (['text', 'files', 'many'] as $sort) {
            send($told, $way, '', $sort, '');
        }
        continue;
    }
    foreach (['any', 'PLAIN', 'LOGIN', 'CRAM-MD5'] as $mechanism) {
        foreach ($mechanism === 'any' ? ['text', 'files', 'many'] : ['text'] as $sort) {
            send($told, $way, $mechanism, $sort, $told['password']);
        }
    }
    send($told, $way, 'PLAIN', 'wrong', 'not it');
    send($told, $way, '', 'stranger', '');
}
byHTTP($told);
