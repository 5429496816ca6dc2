//! Graphs in integers, run by the core, against the graphs in double precision.

mod graphs;
mod operators;
mod precision;
mod refusals;
mod support;
mod trees;
