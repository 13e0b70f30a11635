//! The integration tests, one binary: each module is one behaviour of the whole.

mod architecture;
