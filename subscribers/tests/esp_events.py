"""What mail services post, in the form that each documents, about the delivery of a test.

Of each a hard bounce, a soft one and a complaint. Where our Message-ID stands is what `messages.py`
relies upon.
"""

import hashlib
import hmac
import json
from base64 import b64encode

from subscribers.bounces.envelopes import make_return_path
from subscribers.messages import make_message_id
from subscribers.models import Delivery

SECRET = "hooks:a secret"
SIGNING_KEY = "mailgun-signing-key"
KINDS = ["hard", "soft", "complaint"]

GONE = "550 5.1.1 The email account that you tried to reach does not exist"
FULL = "452 4.2.2 The email account that you tried to reach is over quota"


def post_event(client, esp: str, payload, *, secret: str = SECRET, **headers: str):
    return client.post(
        f"/webhooks/{esp}/",
        payload if isinstance(payload, str) else json.dumps(payload),
        content_type="application/json",
        headers={"Authorization": f"Basic {b64encode(secret.encode()).decode()}", **headers},
    )


def post_as(client, esp: str, kind: str, delivery: Delivery, **fields: str):
    return post_event(
        client, esp, make_payload(esp, kind, delivery), **SENT_WITH.get(esp, {}), **fields
    )


def make_payload(esp: str, kind: str, delivery: Delivery):
    own_id = make_message_id(delivery.pk, delivery.mailing)
    return _MAKERS[esp](kind, delivery, own_id)


def make_amazon_ses(kind: str, delivery: Delivery, own_id: str):
    """SNS around SES, with "include original headers" on."""
    said = {
        "hard": {
            "notificationType": "Bounce",
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [
                    {
                        "emailAddress": delivery.email,
                        "action": "failed",
                        "status": "5.1.1",
                        "diagnosticCode": f"smtp; {GONE}",
                    }
                ],
                "timestamp": "2026-01-27T14:59:38.237Z",
                "feedbackId": "00000138111222aa-33322211",
                "reportingMTA": "dns; email.example.com",
            },
        },
        "soft": {
            "notificationType": "Bounce",
            "bounce": {
                "bounceType": "Transient",
                "bounceSubType": "MailboxFull",
                "bouncedRecipients": [{"emailAddress": delivery.email}],
                "timestamp": "2026-01-27T14:59:38.237Z",
                "feedbackId": "00000138111222aa-33322211",
            },
        },
        "complaint": {
            "notificationType": "Complaint",
            "complaint": {
                "complainedRecipients": [{"emailAddress": delivery.email}],
                "complaintFeedbackType": "abuse",
                "userAgent": "AnyCompany Feedback Loop (V0.01)",
                "timestamp": "2026-01-27T14:59:38.237Z",
                "feedbackId": "000001378603177f-18c07c78",
            },
        },
    }[kind]
    mail = {
        "timestamp": "2026-01-27T14:59:38.237Z",
        "messageId": "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa0680-000000",
        "source": make_return_path(delivery.pk) or delivery.mailing.sender_email,
        "destination": [delivery.email],
        "headersTruncated": False,
        "headers": [{"name": "Message-ID", "value": own_id}],
        "commonHeaders": {"messageId": own_id},
    }
    return wrap_in_sns("Notification", Message=json.dumps({**said, "mail": mail}))


def wrap_in_sns(kind: str, **fields: str):
    return {
        "Type": kind,
        "MessageId": SNS_ID,
        "TopicArn": "arn:aws:sns:ap-east-1:1234567890:bounces",
        "Timestamp": "2026-01-27T14:59:39.000Z",
        "SignatureVersion": "1",
        **fields,
    }


def make_brevo(kind: str, delivery: Delivery, own_id: str):
    said = {
        "hard": {"event": "hard_bounce", "reason": GONE},
        "soft": {"event": "soft_bounce", "reason": FULL},
        "complaint": {"event": "spam"},
    }[kind]
    return {
        **said,
        "email": delivery.email,
        "id": 1234,
        "date": "2026-01-27 22:59:38",
        "ts": 1769525978,
        "message-id": "<202601271459.12345@smtp-relay.mailin.fr>",
        "ts_event": 1769525978,
        "ts_epoch": 1769525978000,
        "subject": "短評",
        "X-Mailin-custom": json.dumps({"message_id": own_id}),
        "sending_ip": "192.0.2.25",
    }


def make_mailgun(kind: str, delivery: Delivery, own_id: str):
    said = {
        "hard": {
            "event": "failed",
            "severity": "permanent",
            "reason": "bounce",
            "delivery-status": {"code": 550, "message": GONE, "attempt-no": 1},
        },
        "soft": {
            "event": "failed",
            "severity": "permanent",
            "reason": "old",
            "delivery-status": {"code": 452, "message": FULL, "attempt-no": 9},
        },
        "complaint": {"event": "complained"},
    }[kind]
    event = {
        **said,
        "id": "Fs7-5t81S2WTYjw4bPOcuQ",
        "timestamp": 1769525978.237,
        "log-level": "error",
        "recipient": delivery.email,
        "envelope": {"sender": "bounce+ab@mg.example.org", "targets": delivery.email},
        "message": {"headers": {"message-id": own_id.strip("<>"), "subject": "短評"}, "size": 111},
        "user-variables": {},
        "tags": [],
    }
    return {"signature": sign_for_mailgun(SIGNING_KEY), "event-data": event}


def sign_for_mailgun(key: str) -> dict[str, str]:
    token, timestamp = "a" * 50, "1769525979"
    mac = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256)
    return {"token": token, "timestamp": timestamp, "signature": mac.hexdigest()}


def make_mailjet(kind: str, delivery: Delivery, own_id: str):
    said = {
        "hard": {
            "event": "bounce",
            "blocked": True,
            "hard_bounce": True,
            "error_related_to": "recipient",
            "error": "user unknown",
            "comment": "Host or domain name not found.",
        },
        "soft": {
            "event": "bounce",
            "blocked": False,
            "hard_bounce": False,
            "error_related_to": "recipient",
            "error": "quota exceeded",
        },
        "complaint": {"event": "spam", "source": "JMRPP"},
    }[kind]
    return [
        {
            **said,
            "time": 1769525978,
            "MessageID": 13792286917004336,
            "Message_GUID": "1ab23cd4-e567-8901-2345-6789f0gh1i2j",
            "email": delivery.email,
            "mj_campaign_id": 0,
            "mj_contact_id": 4,
            "customcampaign": "",
            "CustomID": "",
            "Payload": json.dumps({"message_id": own_id}),
        }
    ]


def make_postmark(kind: str, delivery: Delivery, own_id: str):
    said = {
        "hard": {
            "RecordType": "Bounce",
            "Type": "HardBounce",
            "TypeCode": 1,
            "Description": "The server was unable to deliver your message.",
            "Details": f"smtp;{GONE}",
        },
        "soft": {
            "RecordType": "Bounce",
            "Type": "SoftBounce",
            "TypeCode": 4096,
            "Description": "The server could not temporarily deliver your message.",
            "Details": f"smtp;{FULL}",
        },
        "complaint": {
            "RecordType": "SpamComplaint",
            "Type": "SpamComplaint",
            "TypeCode": 512,
            "Description": "The subscriber explicitly marked this message as spam.",
            "Details": "Test spam complaint details",
        },
    }[kind]
    return {
        **said,
        "ID": 42,
        "Name": said["Type"],
        "MessageStream": "broadcast",
        "ServerID": 1234,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"message-id": own_id.strip("<>")},
        "Email": delivery.email,
        "From": "desk@example.org",
        "BouncedAt": "2026-01-27T14:59:38.2370000Z",
        "Inactive": True,
    }


def make_sendgrid(kind: str, delivery: Delivery, own_id: str):
    said = {
        "hard": {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": GONE},
        "soft": {"event": "bounce", "type": "blocked", "status": "4.2.2", "reason": FULL},
        "complaint": {"event": "spamreport"},
    }[kind]
    return [
        {
            **said,
            "email": delivery.email,
            "timestamp": 1769525978,
            "smtp-id": own_id,
            "sg_event_id": "6g4ZI7SA-xmRDv57GoPIPw==",
            "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001",
        }
    ]


def make_sparkpost(kind: str, delivery: Delivery, own_id: str):
    said = {
        "hard": {"type": "bounce", "bounce_class": "10", "error_code": "550", "raw_reason": GONE},
        "soft": {"type": "bounce", "bounce_class": "22", "error_code": "452", "raw_reason": FULL},
        "complaint": {"type": "spam_complaint", "fbtype": "abuse", "report_by": "server.email.com"},
    }[kind]
    event = {
        **said,
        "event_id": "92356927693813856",
        "message_id": "000443ee14578172be22",
        "msg_from": "msprvs1=1@bounces.example.org",
        "raw_rcpt_to": delivery.email,
        "rcpt_to": delivery.email,
        "rcpt_meta": {"message_id": own_id},
        "transmission_id": "65832150921904138",
        "timestamp": "1769525978",
    }
    return [{"msys": {"message_event": event}}]


SNS_ID = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
SENT_WITH = {
    "amazon_ses": {
        "X-Amz-Sns-Message-Type": "Notification",
        "X-Amz-Sns-Message-Id": SNS_ID,
    }
}
_MAKERS = {
    "amazon_ses": make_amazon_ses,
    "brevo": make_brevo,
    "mailgun": make_mailgun,
    "mailjet": make_mailjet,
    "postmark": make_postmark,
    "sendgrid": make_sendgrid,
    "sparkpost": make_sparkpost,
}
