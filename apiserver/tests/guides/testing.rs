//! docs/testing.md
