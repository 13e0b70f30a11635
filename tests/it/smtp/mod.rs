//! Mail by SMTP: against a server that misbehaves on demand, and against one that others wrote.

mod hostile;
mod peer;
mod post;
mod refusals;
mod rendered;
pub(crate) mod sink;
