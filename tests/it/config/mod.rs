//! The configuration: wrong ones tell everything at once, the example is true, the environment overrides.

mod environment;
mod example;
mod wrong;
