"""Sends a mail by smtplib for each line of JSON that it reads, and prints a line of JSON: what its caller saw.

    {"port": 1025, "to": "kim@example.net", "user": "kim", "password": "…", "ca": "ca.pem", "timeout": 2}
"""

import json
import smtplib
import socket
import ssl
import sys
import time


def send(at):
    context = ssl.create_default_context(cafile=at["ca"])
    client = smtplib.SMTP("localhost", at["port"], local_hostname="localhost", timeout=at["timeout"])
    try:
        client.starttls(context=context)
        client.login(at["user"], at["password"])
        if at["idle"]:
            time.sleep(1)
        client.sendmail("accounts@example.net", at["to"], "Subject: fault\r\n\r\none\r\n")
        client.quit()
    finally:
        client.close()


def told(e):
    """told is an exception's name, with the code and the text of the reply where it has them."""
    said = {"error": type(e).__name__, "message": str(e)}
    if isinstance(e, smtplib.SMTPRecipientsRefused):
        said["code"], text = next(iter(e.recipients.values()))
        said["response"] = text.decode(errors="backslashreplace")
    elif isinstance(e, smtplib.SMTPResponseException):
        text = e.smtp_error
        said["code"], said["response"] = e.smtp_code, text if isinstance(text, str) else text.decode(errors="backslashreplace")
    return said


for line in sys.stdin:
    try:
        send(json.loads(line))
        said = {"error": ""}
    except (smtplib.SMTPException, OSError, ValueError) as e:
        said = told(e)
    print(json.dumps(said), flush=True)
