//! Convolutions, pools, padding and reductions of images, against loops over ONNX's own order.

use crate::builder::{Onnx, assert_near, int, ints, numbers, text, weights};
use proptest::prelude::*;

/// ONNX's Conv over `[channels, height, width]`, as its definition has it.
#[derive(Debug)]
struct Case {
    image: [usize; 3],
    outputs: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Above, left, below, right.
    pads: [usize; 4],
    groups: usize,
}

impl Case {
    fn size(&self, axis: usize) -> Option<usize> {
        let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
        let room = (self.image[axis + 1] + self.pads[axis] + self.pads[axis + 2]).checked_sub(reach)?;
        Some(room / self.stride[axis] + 1)
    }

    /// Places of a window's taps in the image.
    fn taps(&self, row: usize, column: usize) -> Vec<Option<(usize, usize)>> {
        let place = |axis: usize, position: usize, tap: usize| {
            let at = position * self.stride[axis] + tap * self.dilation[axis];
            at.checked_sub(self.pads[axis]).filter(|&at| at < self.image[axis + 1])
        };
        let [rows, columns] = self.kernel;
        (0..rows)
            .flat_map(|i| (0..columns).map(move |j| (i, j)))
            .map(|(i, j)| Some((place(0, row, i)?, place(1, column, j)?)))
            .collect()
    }

    fn each(&self, channels: usize, of: impl Fn(usize, &[Option<(usize, usize)>]) -> f64) -> Vec<f64> {
        let (rows, columns) = (self.size(0).unwrap(), self.size(1).unwrap());
        let mut out = vec![];
        for channel in 0..channels {
            for row in 0..rows {
                out.extend((0..columns).map(|column| of(channel, &self.taps(row, column))));
            }
        }
        out
    }

    fn convolved(&self, x: &[f64], w: &[f32], b: &[f32]) -> Vec<f64> {
        let [channels, height, width] = self.image;
        let of_group = channels / self.groups;
        let taps = self.kernel[0] * self.kernel[1];
        self.each(self.outputs, |output, places| {
            let first = output / (self.outputs / self.groups) * of_group;
            let mut sum = f64::from(b[output]);
            for channel in 0..of_group {
                for (tap, place) in places.iter().enumerate() {
                    if let Some((row, column)) = place {
                        let weight = w[(output * of_group + channel) * taps + tap];
                        sum += f64::from(weight) * x[((first + channel) * height + row) * width + column];
                    }
                }
            }
            sum
        })
    }

    fn attributes(&self) -> Vec<tract_onnx::pb::AttributeProto> {
        let list =
            |name: &str, values: &[usize]| ints(name, &values.iter().map(|&value| value as i64).collect::<Vec<_>>());
        vec![
            list("kernel_shape", &self.kernel),
            list("strides", &self.stride),
            list("dilations", &self.dilation),
            list("pads", &self.pads),
        ]
    }

    fn model(&self) -> Onnx {
        Onnx::new(&self.image.map(|size| size as i64))
    }
}

prop_compose! {
    fn cases()(
        of_group in 1usize..3, groups in 1usize..4, per_group in 1usize..3,
        height in 1usize..6, width in 1usize..6,
        kernel in [1usize..4, 1usize..4], stride in [1usize..3, 1usize..3], dilation in [1usize..3, 1usize..3],
        pads in [0usize..3, 0usize..3, 0usize..3, 0usize..3],
    ) -> Case {
        let image = [of_group * groups, height, width];
        Case { image, outputs: per_group * groups, kernel, stride, dilation, pads, groups }
    }
}

proptest! {
    #[test]
    fn convolutions_are_those_of_the_definition(case in cases(), seed in 1u64..1000) {
        prop_assume!(case.size(0).is_some() && case.size(1).is_some());
        let [channels, height, width] = case.image;
        let of_group = channels / case.groups;
        let dims = [case.outputs, of_group, case.kernel[0], case.kernel[1]].map(|size| size as i64);
        let w = weights(case.outputs * of_group * case.kernel[0] * case.kernel[1], seed);
        let b = weights(case.outputs, seed + 1);
        let x = numbers(channels * height * width, seed + 2);
        let mut attributes = case.attributes();
        attributes.push(int("group", case.groups as i64));
        let model = case.model()
            .floats("w", &dims, &w)
            .floats("b", &[case.outputs as i64], &b)
            .node("Conv", &["x", "w", "b"], "c", &attributes)
            .node("Flatten", &["c"], "y", &[])
            .output("y");
        assert_near(&model.scores(&x), &case.convolved(&x, &w, &b));

        // Padding in a node of its own is the same, and vanishes.
        let [above, left, below, right] = case.pads.map(|pad| pad as i64);
        attributes[3] = ints("pads", &[0; 4]);
        let apart = case.model()
            .floats("w", &dims, &w)
            .floats("b", &[case.outputs as i64], &b)
            .integers("pads", &[0, 0, above, left, 0, 0, below, right])
            .node("Pad", &["x", "pads"], "p", &[])
            .node("Conv", &["p", "w", "b"], "c", &attributes)
            .node("Flatten", &["c"], "y", &[])
            .output("y");
        prop_assert_eq!(apart.operators(), model.operators());
        assert_near(&apart.scores(&x), &model.scores(&x));
    }

    #[test]
    fn pools_are_those_of_the_definition(mut case in cases(), counts in any::<bool>(), seed in 1u64..1000) {
        case.dilation = [1, 1];
        prop_assume!(case.size(0).is_some() && case.size(1).is_some());
        prop_assume!((0..2).all(|axis| case.pads[axis].max(case.pads[axis + 2]) < case.kernel[axis]));
        let [channels, height, width] = case.image;
        let x = numbers(channels * height * width, seed);
        let pixel = |channel: usize, place: &(usize, usize)| x[(channel * height + place.0) * width + place.1];
        let model = |operator: &str, extra| {
            let mut attributes = case.attributes();
            attributes.remove(2);
            attributes.push(extra);
            case.model().node(operator, &["x"], "p", &attributes).node("Flatten", &["p"], "y", &[]).output("y")
        };
        let largest = case.each(channels, |channel, places| {
            places.iter().flatten().map(|place| pixel(channel, place)).fold(f64::NEG_INFINITY, f64::max)
        });
        assert_near(&model("MaxPool", int("storage_order", 0)).scores(&x), &largest);
        let mean = case.each(channels, |channel, places| {
            let seen = places.iter().flatten().count();
            let all = if counts { places.len() } else { seen };
            places.iter().flatten().map(|place| pixel(channel, place)).sum::<f64>() / all as f64
        });
        assert_near(&model("AveragePool", int("count_include_pad", counts.into())).scores(&x), &mean);
    }
}

#[test]
fn one_dimension_is_an_image_of_height_one() {
    let model = Onnx::new(&[2, 4])
        .floats("w", &[1, 2, 3], &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0])
        .node("Conv", &["x", "w"], "c", &[ints("pads", &[1, 0]), ints("strides", &[2])])
        .node("Flatten", &["c"], "y", &[])
        .output("y");
    // Windows [0, 1, 2] and [2, 3, 4] of the first channel, [0, 5, 6] and [6, 7, 8] of the second.
    assert_near(
        &model.scores(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
        &[2.0 + 6.0 + 100.0 + 180.0, 2.0 + 6.0 + 12.0 + 60.0 + 140.0 + 240.0],
    );
}

#[test]
fn same_padding_puts_the_odd_one_where_it_says() {
    let model = |auto: &str| {
        Onnx::new(&[1, 4])
            .floats("w", &[1, 1, 2], &[1.0, 10.0])
            .node("Conv", &["x", "w"], "c", &[text("auto_pad", auto)])
            .node("Flatten", &["c"], "y", &[])
            .output("y")
            .scores(&[1.0, 2.0, 3.0, 4.0])
    };
    assert_near(&model("SAME_UPPER"), &[21.0, 32.0, 43.0, 4.0]);
    assert_near(&model("SAME_LOWER"), &[10.0, 21.0, 32.0, 43.0]);
    assert_near(&model("VALID"), &[21.0, 32.0, 43.0]);
}

#[test]
fn ceil_mode_is_padding_behind() {
    let model = |operator: &str, counts: i64| {
        let attributes =
            [ints("kernel_shape", &[2]), ints("strides", &[2]), int("ceil_mode", 1), int("count_include_pad", counts)];
        Onnx::new(&[1, 3]).node(operator, &["x"], "p", &attributes).node("Flatten", &["p"], "y", &[]).output("y")
    };
    assert_near(&model("MaxPool", 0).scores(&[1.0, 2.0, -3.0]), &[2.0, -3.0]);
    assert_near(&model("AveragePool", 0).scores(&[1.0, 2.0, -3.0]), &[1.5, -3.0]);
    assert_eq!(
        model("AveragePool", 1).read().unwrap_err(),
        "node `p` (AveragePool): ceil_mode and count_include_pad where the last window leaves the padding"
    );
}

/// Conv, BatchNormalization and Relu of `outputs` channels; what it reads must have `inputs`.
fn block(model: Onnx, name: &str, from: &str, [inputs, outputs]: [usize; 2], kernel: usize) -> Onnx {
    let [w, s, b, m, v] = ["w", "s", "b", "m", "v"].map(|part| format!("{name}.{part}"));
    let one = [outputs as i64];
    let positive: Vec<f32> = weights(outputs, 9).iter().map(|x| x.abs() + 0.5).collect();
    let pad = (kernel / 2) as i64;
    model
        .floats(
            &w,
            &[outputs as i64, inputs as i64, kernel as i64, kernel as i64],
            &weights(outputs * inputs * kernel * kernel, 3),
        )
        .floats(&s, &one, &weights(outputs, 4))
        .floats(&b, &one, &weights(outputs, 5))
        .floats(&m, &one, &weights(outputs, 6))
        .floats(&v, &one, &positive)
        .node("Conv", &[from, &w], &format!("{name}.c"), &[ints("pads", &[pad; 4])])
        .node("BatchNormalization", &[&format!("{name}.c"), &s, &b, &m, &v], &format!("{name}.n"), &[])
        .node("Relu", &[&format!("{name}.n")], name, &[])
}

fn head(model: Onnx, from: &str, inputs: usize) -> Onnx {
    model
        .floats("head.w", &[inputs as i64, 2], &weights(2 * inputs, 7))
        .node("Flatten", &[from], "flat", &[])
        .node("MatMul", &["flat", "head.w"], "y", &[])
        .output("y")
}

#[test]
fn orders_cancel_in_networks_of_blocks() {
    let start = || block(Onnx::new(&[1, 4, 4]), "a", "x", [1, 3], 3);
    let plain = block(start(), "b", "a", [3, 2], 3);
    let flat = head(plain.clone(), "b", 32);
    assert_eq!(flat.operators(), ["Reshape", "Conv", "Clip", "Conv", "Clip", "Dense"]);

    let pooled = plain.node("GlobalAveragePool", &["b"], "g", &[]);
    assert_eq!(head(pooled, "g", 2).operators(), ["Reshape", "Conv", "Clip", "Conv", "Clip", "Pool", "Dense"]);

    let residual = block(start(), "b", "a", [3, 3], 3).node("Add", &["a", "b"], "r", &[]);
    let residual = block(residual, "c", "r", [3, 2], 1).integers("axes", &[2, 3]).node(
        "ReduceMean",
        &["c", "axes"],
        "m",
        &[int("keepdims", 0)],
    );
    assert_eq!(
        head(residual, "m", 2).operators(),
        ["Reshape", "Conv", "Clip", "Conv", "Clip", "Add", "Conv", "Clip", "Pool", "Dense"]
    );

    let joined = block(start(), "b", "a", [3, 2], 3).node("Concat", &["a", "b"], "j", &[int("axis", 1)]);
    let joined = block(joined, "c", "j", [5, 2], 1);
    assert_eq!(
        head(joined, "c", 32).operators(),
        ["Reshape", "Conv", "Clip", "Conv", "Clip", "Concat", "Conv", "Clip", "Dense"]
    );

    // Squeeze and excitation: a factor a channel.
    let gate = start()
        .node("GlobalAveragePool", &["a"], "g", &[])
        .floats("gw", &[3, 3, 1, 1], &weights(9, 8))
        .node("Conv", &["g", "gw"], "gc", &[])
        .node("Sigmoid", &["gc"], "gs", &[])
        .node("Mul", &["a", "gs"], "s", &[]);
    let gate = block(gate, "c", "s", [3, 2], 1);
    assert_eq!(
        head(gate, "c", 32).operators(),
        ["Reshape", "Conv", "Clip", "Pool", "Dense", "Map Sigmoid", "Select", "Mul", "Conv", "Clip", "Dense"]
    );
}

#[test]
fn only_the_features_of_several_channels_are_reordered() {
    let model = head(block(Onnx::new(&[2, 4, 4]), "a", "x", [2, 3], 3), "a", 48);
    assert_eq!(model.operators(), ["Select", "Conv", "Clip", "Dense"]);
    // With a shape that pools to one pixel, the dense layer takes it all.
    let whole = Onnx::new(&[2, 3, 3]).floats("w", &[4, 2, 3, 3], &weights(72, 1)).node("Conv", &["x", "w"], "c", &[]);
    assert_eq!(head(whole, "c", 4).operators(), ["Dense"]);
}

#[test]
fn a_normalisation_before_a_padded_convolution_stays() {
    let model = |pad: i64| {
        let model = Onnx::new(&[1, 3, 3])
            .floats("w", &[2, 1, 1, 1], &[1.0, 2.0])
            .floats("u", &[1, 2, 2, 2], &weights(8, 1))
            .floats("c", &[2, 1, 1], &[3.0, 4.0])
            .node("Conv", &["x", "w"], "a", &[])
            .node("Tanh", &["a"], "t", &[])
            .node("Add", &["t", "c"], "b", &[])
            .node("Conv", &["b", "u"], "z", &[ints("pads", &[pad; 4])]);
        head(model, "z", if pad == 0 { 4 } else { 16 }).operators()
    };
    assert_eq!(model(0), ["Reshape", "Conv", "Map Tanh", "Conv", "Dense"]);
    assert_eq!(model(1), ["Reshape", "Conv", "Map Tanh", "Affine", "Conv", "Dense"]);
}

#[test]
fn reductions_over_any_axes() {
    let x: Vec<f64> = (1..=12).map(f64::from).collect(); // [2, 3, 2]
    let model = |operator: &str, axes: &[i64]| {
        Onnx::new(&[2, 3, 2])
            .integers("axes", axes)
            .node(operator, &["x", "axes"], "r", &[int("keepdims", 0)])
            .floats("one", &[], &[1.0])
            .node("Mul", &["r", "one"], "m", &[])
            .node("Flatten", &["m"], "y", &[])
            .output("y")
            .scores(&x)
    };
    assert_near(&model("ReduceSum", &[1, 2, 3]), &[78.0]);
    assert_near(&model("ReduceMean", &[-1]), &[1.5, 3.5, 5.5, 7.5, 9.5, 11.5]);
    assert_near(&model("ReduceSum", &[1]), &[8.0, 10.0, 12.0, 14.0, 16.0, 18.0]);
    assert_near(&model("ReduceMax", &[2]), &[5.0, 6.0, 11.0, 12.0]);
    assert_near(&model("ReduceMin", &[1, 3]), &[1.0, 3.0, 5.0]);
    assert_near(&model("ReduceL1", &[1, 3]), &[18.0, 26.0, 34.0]);
    assert_near(&model("ReduceSumSquare", &[2, 3]), &[91.0, 559.0]);
    assert_near(&model("ReduceL2", &[2, 3]), &[91f64.sqrt(), 559f64.sqrt()]);
}
