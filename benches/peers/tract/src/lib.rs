//! tract on the float model, its plan and state made beforehand.

use peer_abi::{Case, Peer};
use tract_onnx::prelude::*;

struct Tract {
    state: TypedSimpleState,
    rows: Vec<TValue>,
    result: TVec<TValue>,
    score_scale: f64,
}

impl Peer for Tract {
    fn open(case: &Case) -> Result<Self, String> {
        let prepare = || {
            // Of a forest, the shares of both classes.
            let classifier = case.dir.join("classifier.onnx");
            let path = if classifier.exists() { classifier } else { case.dir.join("float.onnx") };
            let model = onnx().model_for_path(path)?.into_optimized()?;
            let state = model.into_runnable()?.spawn()?;
            let row = |row: &[f32]| Ok(Tensor::from_shape(&[1, case.inputs], row)?.into_tvalue());
            let rows = case.real.chunks_exact(case.inputs).map(row).collect::<TractResult<_>>()?;
            Ok(Self { state, rows, result: tvec!(), score_scale: case.score_scale })
        };
        let mut peer: Self = prepare().map_err(|error: TractError| format!("{error:#}"))?;
        // A first run, so that what cannot be run is absent and not a panic.
        peer.state.run(tvec!(peer.rows[0].clone())).map_err(|error| format!("{error:#}"))?;
        Ok(peer)
    }

    fn run(&mut self, row: usize) {
        self.result = self.state.run(tvec!(self.rows[row].clone())).expect("it ran before");
    }

    fn scores(&self, scores: &mut [f64]) {
        let view = self.result[0].to_plain_array_view::<f32>().expect("scores are floats");
        let unscored = view.len() - scores.len();
        scores
            .iter_mut()
            .zip(view.iter().skip(unscored))
            .for_each(|(score, &real)| *score = f64::from(real) / self.score_scale);
    }
}

peer_abi::peer!(Tract);
