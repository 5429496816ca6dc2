//! Models as source: what `kinfer_convert::emit` writes is compiled, and decides with the bits of the engine.

mod emit {
    pub(crate) mod c;
    pub(crate) mod models;
}

use emit::c::{Batch, STRICT};
use emit::models::{Case, cases, random_cases};

/// A dozen in this process, compiled in a batch; the seeds are the same in every run.
const RANDOM_MODELS: u64 = 60;

fn all() -> Vec<Case> {
    let mut all = cases();
    all.extend(random_cases(RANDOM_MODELS));
    all
}

#[test]
fn c_decides_with_the_bits_of_the_engine() {
    let all = all();
    let batch = Batch::new("plain", &all);
    batch.compile("gcc", STRICT);
    batch.assert_equal(&[]);
}
