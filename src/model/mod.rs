//! The words of the domain as plain types: no I/O, no clock, no rules. Every other module talks in
//! these; ids are newtypes, and text that came from outside is parsed once, here.

mod category;
mod counted;
mod document;
mod entry;
mod finding;
mod fold;
mod hit;
mod id;
mod profile;
mod source;

pub use category::{Category, Family, ParseCategoryError, Severity};
pub use counted::counted;
pub use document::{Document, DocumentKind, Field};
pub use entry::{DateDoubt, Entry, EntryContent};
pub use finding::{Binds, Finding, Origin, Span, Writer};
pub use fold::{Folded, folded_text};
pub use hit::{Hit, Mention, Status};
pub use id::{AlertId, DeliveryId, DocumentId, EntryId, HitId, InvalidId, OrganisationId, SourceId, StoryId};
pub use profile::{
    Contact, EmployeeConduct, OfficeHolder, PreElection, Profile, RegisterEntry, RegisterKind, Site, Watch,
    normal_handle, normal_postcode,
};
pub use source::{Accountability, Licence, PersonRecord, Reader, RobotsOverride, Source, SourceKind};
