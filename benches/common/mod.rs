//! What the bench targets share: pictures made at run time, and the roads over them.

#[path = "../../tests/oracle/mod.rs"]
pub(crate) mod oracle;
pub(crate) mod pictures;
pub(crate) mod workloads;
