//! Valid models, changed in their structure, are converted or refused: no panic, and soon.

#[path = "../nets/builder.rs"]
#[allow(dead_code)] // what this test does not need of it
mod builder;
mod models;
mod mutate;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use kinfer::Limits;
use kinfer_convert::convert::{Activations, Options};
use kinfer_convert::engine::Engine;
use kinfer_convert::onnx::Source;
use kinfer_convert::onnx::reader::read;
use kinfer_convert::progress::Silent;
use kinfer_convert::{Error, convert};
use proptest::prelude::*;
use tract_onnx::pb::ModelProto;

/// A conversion of a dozen rows that takes longer, on a loaded machine and without optimisation, hangs.
const SOON: Duration = Duration::from_secs(60);

/// As many features as a test writes.
const WIDEST: usize = 512;

/// What calibration data hold.
#[derive(Clone, Copy, Debug)]
enum Numbers {
    /// Integers of both signs.
    Small,
    /// Close to the ends of 64 bits.
    Huge,
    /// Far beyond them.
    Beyond,
    /// Of 1e-12.
    Tiny,
    /// The same in every row.
    Constant,
    /// In one row only.
    OneRow,
}

const NUMBERS: [Numbers; 6] =
    [Numbers::Small, Numbers::Huge, Numbers::Beyond, Numbers::Tiny, Numbers::Constant, Numbers::OneRow];

fn data(features: usize, numbers: Numbers) -> String {
    let mut text = (0..features).map(|at| format!("f{at}")).collect::<Vec<_>>().join(",") + "\n";
    let rows = if matches!(numbers, Numbers::OneRow) { 1 } else { 12 };
    for row in 0..rows {
        let cell = |at: usize| {
            let number = (row * 37 + at as i64 * 11) % 19 - 6;
            match numbers {
                Numbers::Small | Numbers::OneRow => number.to_string(),
                Numbers::Huge => number.saturating_mul(1 << 60).to_string(),
                Numbers::Beyond => format!("{number}e300"),
                Numbers::Tiny => format!("{number}.25e-12"),
                Numbers::Constant => at.to_string(),
            }
        };
        let _ = writeln!(text, "{}", (0..features).map(cell).collect::<Vec<_>>().join(","));
    }
    text
}

/// The whole way; the refusal, where there is one.
fn converted(model: &ModelProto, numbers: Numbers, activations: Activations) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let bytes = prost::Message::encode_to_vec(model);
    let mut read =
        read(&Source::decode(&bytes).map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    read.simplify();
    if read.graph.features > WIDEST {
        return Err("too wide for this test".into());
    }
    std::fs::write(path("model.onnx"), &bytes).unwrap();
    std::fs::write(path("data.csv"), data(read.graph.features, numbers)).unwrap();
    let (model, data) = (path("model.onnx"), path("data.csv"));
    let limits = Limits { state_bytes: 1 << 10, ..Limits::KERNEL };
    let options = Options { activations, limits, ..Options::new(Path::new(&model), Path::new(&data)) };
    let conversion = match convert(&options, &Silent) {
        Ok(conversion) => conversion,
        Err(error @ Error::Rewritten { .. }) => panic!("{error}"),
        Err(error) => return Err(error.to_string()),
    };
    Engine::load_within(&conversion.bytes, &limits).unwrap();
    Ok(())
}

/// As [`converted`], on a thread that is given so long and no longer.
fn soon(model: ModelProto, numbers: Numbers, activations: Activations) -> Result<(), String> {
    let (sender, receiver) = mpsc::channel();
    let work = std::thread::Builder::new().stack_size(8 << 20).spawn(move || {
        let _ = sender.send(converted(&model, numbers, activations));
    });
    let work = work.unwrap();
    match receiver.recv_timeout(SOON) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not done in {SOON:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => std::panic::resume_unwind(work.join().unwrap_err()),
    }
}

#[test]
fn the_models_are_converted_as_they_are() {
    for (name, model) in models::all() {
        for activations in [Activations::Auto, Activations::Int16] {
            assert_eq!(soon(model.0.clone(), Numbers::Small, activations), Ok(()), "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn changed_models_are_converted_or_refused(
        which in any::<prop::sample::Index>(),
        changes in mutate::changes(3),
        numbers in prop::sample::select(&NUMBERS[..]),
        activations in prop::sample::select(&[Activations::Auto, Activations::Int8, Activations::Wide][..]),
    ) {
        let models = models::all();
        let mut model = models[which.index(models.len())].1.0.clone();
        for change in &changes {
            mutate::apply(&mut model, change);
        }
        let _ = soon(model, numbers, activations);

    }
}
