//! To be filled by its tests.
