//! Graphs in integers, run by the core, against the graphs in double precision.

mod operators;
mod support;
mod trees;
