//! Trustwatch watches public feeds and pages for mentions of an NHS Trust, judges each against the
//! Trust's own social-media policy, stores it with its reasons and tells the right people.
//!
//! The words, one for each thing: an **organisation** is watched for, by the **watches** of its
//! **profile**. A **source** is polled; a **poll** lists **entries**; an entry or page becomes a
//! **document**. A place where a watch matches is a **mention**; a document with mentions of an
//! organisation is a **hit**, and a rule that fires on it makes a **finding** with **spans**. Hits that
//! tell the same thing are one **story**. A hit waits in the **outbox** for a **decision**; an **alert**
//! is one rendered message, a **delivery** that message to one recipient. A **gap** is time in which a
//! source was blind; a **tally** keeps the counts of what retention removed.
//!
//! The modules, in reading order. Leaves: [`model`], [`clock`], [`schedule`], [`mask`], [`secret`],
//! [`problem`], [`telemetry`], [`markup`]. The way of a document: [`fetch`] opens sockets, [`source`] turns bytes
//! into entries, [`extract`] entries into documents, [`matching`] finds names, [`classify`] judges;
//! [`pipeline`] alone knows that order and [`store`] keeps what came of it. Then [`alert`] decides who
//! is told and [`mail`] carries it, [`report`] counts, [`web`] answers monitoring. [`config`] loads and
//! checks, [`daemon`] puts everything together, [`cli`] is the command line.

pub mod alert;
pub mod classify;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod extract;
pub mod fetch;
pub mod mail;
pub mod markup;
pub mod mask;
pub mod matching;
pub mod model;
pub mod pipeline;
pub mod problem;
pub mod report;
pub mod schedule;
pub mod secret;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod web;
