//! A relay by SMTP, with or without a user, by STARTTLS, TLS or (said aloud) plaintext.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::response::Category;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::{MailError, Security, Smtp};
use crate::secret::{ExposeSecret, SecretString};

#[derive(Debug, Clone)]
pub(super) struct Relay {
    builder: AsyncSmtpTransportBuilder,
    transport: Arc<Mutex<AsyncSmtpTransport<Tokio1Executor>>>,
    /// For the whole of one message: lettre itself waits for ever once it is connected.
    limit: Duration,
}

impl Relay {
    pub(super) fn new(options: &Smtp) -> Result<Self, MailError> {
        let limit = Duration::from_secs(options.timeout_s);
        let wrong = |what: String| MailError::Permanent(what);
        // Named "dangerous" for its default of plaintext: TLS is set right below.
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.host)
            .port(options.port)
            .timeout(Some(limit));
        if options.security != Security::Plaintext {
            let mut tls = TlsParameters::builder(options.host.clone());
            if let Some(path) = &options.ca_file {
                let pem =
                    std::fs::read(path).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
                let certificate = Certificate::from_pem(&pem)
                    .map_err(|error| wrong(format!("{}: {error}", path.display())))?;
                tls = tls.add_root_certificate(certificate);
            }
            let tls = tls.build_rustls().map_err(|error| wrong(error.to_string()))?;
            builder = builder.tls(if options.security == Security::Tls {
                Tls::Wrapper(tls)
            } else {
                Tls::Required(tls)
            });
        }
        if let Some(password) = password(options)? {
            builder = builder
                .credentials(Credentials::new(options.username.clone(), password.expose_secret().to_owned()));
        }
        let transport = Arc::new(Mutex::new(builder.clone().build()));
        Ok(Self { builder, transport, limit })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), MailError> {
        let transport = self.transport.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match tokio::time::timeout(self.limit, transport.send(message.clone())).await {
            Ok(Ok(_)) => Ok(()),
            // Only a 5xx about the message is for ever; a refused connection is neither to lettre, and
            // temporary to us.
            Ok(Err(error)) if error.is_permanent() && !is_about_us(&error) => {
                Err(MailError::Permanent(error.to_string()))
            }
            Ok(Err(error)) => Err(MailError::Temporary(error.to_string())),
            Err(_) => {
                // The connection goes back to its pool in the middle of a conversation: that pool is not
                // used again, or the next message would read this one's answers.
                *self.transport.lock().unwrap_or_else(PoisonError::into_inner) = self.builder.clone().build();
                let limit = self.limit.as_secs();
                Err(MailError::Temporary(format!("the relay did not finish within {limit} s")))
            }
        }
    }
}

/// Whether the relay refuses us (530, 534, 535, 538) rather than the message: an expired password must
/// cost no mail.
fn is_about_us(error: &Error) -> bool {
    error.status().is_some_and(|code| code.category == Category::Unspecified3)
}

fn password(options: &Smtp) -> Result<Option<SecretString>, MailError> {
    let Some(path) = &options.password_file else { return Ok(options.password.clone()) };
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| {
        MailError::Permanent(format!("the password file {} cannot be read: {error}", path.display()))
    })?;
    Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned())))
}
