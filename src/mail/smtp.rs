//! A relay by SMTP, with or without a user, by STARTTLS, TLS or (said aloud) plaintext.

use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::{MailError, Security, Smtp};
use crate::secret::{ExposeSecret, SecretString};

#[derive(Debug, Clone)]
pub(super) struct Relay {
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Relay {
    pub(super) fn new(options: &Smtp) -> Result<Self, MailError> {
        let wrong = |what: String| MailError::Permanent(what);
        // Named "dangerous" for its default of plaintext: TLS is set right below.
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.host)
            .port(options.port)
            .timeout(Some(Duration::from_secs(options.timeout_s)));
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
        Ok(Self { transport: builder.build() })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), MailError> {
        match self.transport.send(message.clone()).await {
            Ok(_) => Ok(()),
            // Only a 5xx is for ever; a refused connection is neither to lettre, and temporary to us.
            Err(error) if error.is_permanent() => Err(MailError::Permanent(error.to_string())),
            Err(error) => Err(MailError::Temporary(error.to_string())),
        }
    }
}

fn password(options: &Smtp) -> Result<Option<SecretString>, MailError> {
    let Some(path) = &options.password_file else { return Ok(options.password.clone()) };
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| {
        MailError::Permanent(format!("the password file {} cannot be read: {error}", path.display()))
    })?;
    Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned())))
}
