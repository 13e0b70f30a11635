//! The message as it goes over the wire.

use lettre::Message;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::{Mail, MailError};

/// A header of fixed text.
macro_rules! text_header {
    ($name:ident, $header:literal) => {
        #[derive(Clone)]
        struct $name(String);

        impl Header for $name {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($header)
            }

            fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(text.to_owned()))
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), self.0.clone())
            }
        }
    };
}

text_header!(AutoSubmitted, "Auto-Submitted");
text_header!(ListId, "List-Id");
text_header!(AlertKind, "X-Trustwatch-Kind");

/// Builds the message. An address that cannot be read will never be: permanent.
pub(super) fn built(from: &str, mail: &Mail) -> Result<Message, MailError> {
    let address = |text: &str| {
        text.parse::<Mailbox>()
            .map_err(|error| MailError::Permanent(format!("{text:?} is no mail address: {error}")))
    };
    let from = address(from)?;
    let list = format!("Trustwatch alerts <alerts.{}>", from.email.domain());
    let part = |kind: ContentType, text: &str| SinglePart::builder().header(kind).body(text.to_owned());
    Message::builder()
        .from(from)
        .to(address(&mail.to)?)
        .subject(one_line(&mail.subject))
        .date(mail.date.into())
        .message_id(Some(mail.message_id.clone()))
        .header(AutoSubmitted("auto-generated".to_owned()))
        .header(ListId(list))
        .header(AlertKind(one_line(&mail.kind)))
        .multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, &mail.text))
                .singlepart(part(ContentType::TEXT_HTML, &mail.html)),
        )
        .map_err(|error| MailError::Permanent(error.to_string()))
}

/// No control character may reach a header, encoded or not.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            to: "comms@trust.example".to_owned(),
            message_id: "<1@trust.example>".to_owned(),
            date: "2026-11-22T09:00:00Z".parse().unwrap(),
            kind: "immediate".to_owned(),
            subject: "Hi\r\nBcc: evil@example.org".to_owned(),
            text: "a\r\n.\r\nMAIL FROM:<x>\r\n".to_owned(),
            html: "<p>é</p>".to_owned(),
        }
    }

    #[test]
    fn nothing_from_outside_becomes_a_header() {
        let bytes = built("Trustwatch <tw@trust.example>", &mail()).unwrap().formatted();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
        assert!(text.contains("Message-ID: <1@trust.example>"), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated"), "{text}");
    }

    #[test]
    fn the_same_mail_is_the_same_message() {
        let header = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.lines()
                .filter(|l| l.starts_with("Date") || l.starts_with("Message-ID"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let once = header(built("tw@trust.example", &mail()).unwrap().formatted());
        assert_eq!(once, header(built("tw@trust.example", &mail()).unwrap().formatted()));
    }

    #[test]
    fn a_broken_address_is_refused_for_good() {
        let broken = Mail { to: "a\r\nb@example.org".to_owned(), ..mail() };
        assert!(matches!(built("tw@trust.example", &broken), Err(MailError::Permanent(_))));
    }
}
