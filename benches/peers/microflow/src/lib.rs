//! MicroFlow, which makes code of a model when this is compiled: `cargo xtask bench` puts path and sizes in.

use microflow::model;
use nalgebra::SMatrix;
use peer_abi::{Case, Peer};

const INPUTS: usize = 0;
const OUTPUTS: usize = 0;

#[model("model.tflite")]
struct Model;

struct MicroFlow {
    rows: Vec<SMatrix<i8, 1, INPUTS>>,
    result: SMatrix<f32, 1, OUTPUTS>,
    score_scale: f64,
}

impl Peer for MicroFlow {
    fn open(case: &Case) -> Result<Self, String> {
        let row = |row: &[i32]| SMatrix::from_iterator(row.iter().map(|&x| x as i8));
        let rows = case.quantized.chunks_exact(case.inputs).map(row).collect();
        Ok(Self { rows, result: SMatrix::zeros(), score_scale: case.score_scale })
    }

    fn run(&mut self, row: usize) {
        self.result = Model::predict_quantized(self.rows[row]);
    }

    fn scores(&self, scores: &mut [f64]) {
        scores.iter_mut().zip(&self.result).for_each(|(score, &real)| *score = f64::from(real) / self.score_scale);
    }
}

peer_abi::peer!(MicroFlow);
