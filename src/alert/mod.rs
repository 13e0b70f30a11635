//! Who is told what, and when. `decide` and `render` are pure; `enqueue` turns stored hits into
//! decisions, alerts and deliveries in one transaction; `deliver` hands them to the mailer.

mod blind;
mod decide;
mod deliver;
mod enqueue;
mod guidance;
mod options;
mod render;
mod review;

pub use decide::{Decision, Earlier, Group, Reason, decide};
pub use deliver::{Deliverer, back_off};
pub use enqueue::{Enqueuer, SourceFacts};
pub use options::{Options, Recipients};
