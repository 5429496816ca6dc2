//! Operators whose inputs are all constants.
//!
//! Shapes are computed in the graph where an exporter traced them, and weights transposed or scaled. What only moves
//! elements is in the reader's `moves`, for tensors and constants alike.

use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::super::GraphError;
use super::super::node::{Site, attribute, int};
use super::super::reader::{broadcast_dims, broadcast_indices};
use super::{Constant, Elements, count};

const DAMAGED: &str = "the file is damaged: export it again";

/// What an operator of two inputs does to two numbers: reals, and integers where both are.
struct Apply {
    real: fn(f64, f64) -> f64,
    /// Nothing at an overflow.
    integer: fn(i64, i64) -> Option<i64>,
    /// Whether results are 0 or 1 whatever the inputs are.
    truth: bool,
}

impl Apply {
    /// That of an operator, by its name.
    fn of_name(operator: &str) -> Option<Self> {
        let number = |real, integer| Some(Self { real, integer, truth: false });
        let truth = |real, integer| Some(Self { real, integer, truth: true });
        fn bit<T>(is: impl Fn(T, T) -> bool, a: T, b: T) -> i64 {
            i64::from(is(a, b))
        }
        match operator {
            "Add" | "Sum" => number(|a, b| a + b, |a, b| a.checked_add(b)),
            "Sub" => number(|a, b| a - b, |a, b| a.checked_sub(b)),
            "Mul" => number(|a, b| a * b, |a, b| a.checked_mul(b)),
            "Div" => number(|a, b| a / b, |a, b| a.checked_div(b)),
            "Mod" => number(
                |a, b| a - (a / b).floor() * b,
                |a, b| a.checked_rem(b).map(|r| if r != 0 && (r < 0) != (b < 0) { r + b } else { r }),
            ),
            // With the sign of the dividend.
            "fmod" => number(|a, b| a % b, |a, b| a.checked_rem(b)),
            "Pow" => number(f64::powf, |a, b| a.checked_pow(u32::try_from(b).ok()?)),
            "Min" => number(f64::min, |a, b| Some(a.min(b))),
            "Max" => number(f64::max, |a, b| Some(a.max(b))),
            "Equal" => truth(|a, b| bit(|a, b| a == b, a, b) as f64, |a, b| Some(bit(|a, b| a == b, a, b))),
            "Greater" => truth(|a, b| bit(|a, b| a > b, a, b) as f64, |a, b| Some(bit(|a, b| a > b, a, b))),
            "GreaterOrEqual" => truth(|a, b| bit(|a, b| a >= b, a, b) as f64, |a, b| Some(bit(|a, b| a >= b, a, b))),
            "Less" => truth(|a, b| bit(|a, b| a < b, a, b) as f64, |a, b| Some(bit(|a, b| a < b, a, b))),
            "LessOrEqual" => truth(|a, b| bit(|a, b| a <= b, a, b) as f64, |a, b| Some(bit(|a, b| a <= b, a, b))),
            "And" => truth(|a, b| a * b, |a, b| Some(a & b)),
            "Or" => truth(f64::max, |a, b| Some(a | b)),
            _ => None,
        }
    }
}

/// Arithmetic of two constants that broadcast, as [`Apply`] knows it.
pub(in crate::onnx) fn combine(
    site: &Site,
    operator: &str,
    first: &Constant,
    second: &Constant,
) -> Result<Constant, GraphError> {
    let refuse = |what: String| GraphError::node(site, what, DAMAGED);
    let apply = Apply::of_name(operator).ok_or_else(|| refuse("this is not arithmetic of two constants".into()))?;
    let dims = broadcast_dims(&first.dims, &second.dims).filter(|dims| count(dims).is_some()).ok_or_else(|| {
        refuse(format!("constants of shapes {:?} and {:?} do not broadcast", first.dims, second.dims))
    })?;
    let places = broadcast_indices(&first.dims, &dims).into_iter().zip(broadcast_indices(&second.dims, &dims));
    let elements = match first.integers().zip(second.integers()) {
        Some((a, b)) => {
            let results = places.map(|(i, j)| (apply.integer)(*a.get(i)?, *b.get(j)?)).collect::<Option<Vec<_>>>();
            Elements::Integers(results.ok_or_else(|| refuse("integers overflow, or are divided by zero".into()))?)
        }
        None => {
            let (Some(a), Some(b)) = (first.reals(), second.reals()) else {
                return Err(refuse("it computes with texts".into()));
            };
            let results = places.filter_map(|(i, j)| Some((apply.real)(*a.get(i)?, *b.get(j)?)));
            if apply.truth {
                Elements::Integers(results.map(|result| result as i64).collect())
            } else {
                Elements::Floats(results.collect())
            }
        }
    };
    Ok(Constant { name: site.name.clone(), dims, elements })
}

/// The value of a node whose inputs are all constants; nothing where its operator is not one of those below.
pub(in crate::onnx) fn fold(
    site: &Site,
    node: &NodeProto,
    inputs: &[Option<&Constant>],
) -> Option<Result<Constant, GraphError>> {
    let given: Vec<&Constant> = inputs.iter().copied().flatten().collect();
    let refuse = |what: &str| GraphError::node(site, what, DAMAGED);
    let whole = |dims: Vec<usize>, elements| Ok(Constant { name: site.name.clone(), dims, elements });
    match (node.op_type.as_str(), &given[..]) {
        ("Sum" | "Min" | "Max", [first, rest @ ..]) => {
            let all = rest.iter().try_fold((*first).clone(), |all, next| combine(site, &node.op_type, &all, next));
            Some(all)
        }
        ("Mod", [first, second]) if int(node, "fmod", 0) != 0 => Some(combine(site, "fmod", first, second)),
        (name, [first, second]) if Apply::of_name(name).is_some() => Some(combine(site, name, first, second)),
        ("Not", [x]) => Some(match x.integers() {
            Some(bits) => {
                whole(x.dims.clone(), Elements::Integers(bits.iter().map(|&bit| i64::from(bit == 0)).collect()))
            }
            None => Err(refuse("its input is not BOOL")),
        }),
        ("Neg" | "Abs" | "Sign", [x]) => Some(match (&x.elements, node.op_type.as_str()) {
            (Elements::Integers(values), name) => {
                let of = |x: i64| match name {
                    "Neg" => x.wrapping_neg(),
                    "Abs" => x.wrapping_abs(),
                    _ => x.signum(),
                };
                whole(x.dims.clone(), Elements::Integers(values.iter().copied().map(of).collect()))
            }
            (Elements::Floats(values), name) => {
                let of = |x: f64| match name {
                    "Neg" => -x,
                    "Abs" => x.abs(),
                    _ if x == 0.0 => 0.0,
                    _ => x.signum(),
                };
                whole(x.dims.clone(), Elements::Floats(values.iter().copied().map(of).collect()))
            }
            (Elements::Strings(_), _) => Err(refuse("its input is texts")),
        }),
        ("Floor" | "Ceil" | "Round", [x]) => Some(match x.reals() {
            Some(values) => {
                let of = |x: f64| match node.op_type.as_str() {
                    "Floor" => x.floor(),
                    "Ceil" => x.ceil(),
                    _ => x.round_ties_even(),
                };
                whole(x.dims.clone(), Elements::Floats(values.into_iter().map(of).collect()))
            }
            None => Err(refuse("its input is texts")),
        }),
        ("Cast" | "CastLike", [x, ..]) => {
            let to = match &given[..] {
                [_, like] => match like.elements {
                    Elements::Floats(_) => DataType::Double,
                    _ => DataType::Int64,
                },
                _ => DataType::try_from(int(node, "to", 0) as i32).unwrap_or_default(),
            };
            Some(cast(x, to).ok_or_else(|| refuse("it casts to a type that constants do not have")))
        }
        ("Where", [condition, yes, no]) => Some(choose(site, condition, yes, no)),
        ("ConstantOfShape", [shape]) => Some(filled(site, node, shape)),
        ("Range", [start, limit, delta]) => Some(range(site, start, limit, delta)),
        ("ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceMean", [x]) => {
            if attribute(node, "axes").is_some() {
                return None;
            }
            let values = x.reals()?;
            let all = match node.op_type.as_str() {
                "ReduceProd" => values.iter().product(),
                "ReduceSum" => values.iter().sum(),
                "ReduceMax" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                "ReduceMin" => values.iter().copied().fold(f64::INFINITY, f64::min),
                _ => values.iter().sum::<f64>() / values.len().max(1) as f64,
            };
            let dims = if int(node, "keepdims", 1) != 0 { vec![1; x.dims.len()] } else { vec![] };
            Some(whole(
                dims,
                if x.integers().is_some() { Elements::Integers(vec![all as i64]) } else { Elements::Floats(vec![all]) },
            ))
        }
        ("MatMul", [a, b]) => Some(product(site, a, b)),
        _ => None,
    }
}

fn cast(x: &Constant, to: DataType) -> Option<Constant> {
    let values = match &x.elements {
        Elements::Strings(_) => return None,
        elements => elements,
    };
    let elements = match (to, values) {
        (DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16, _) => {
            Elements::Floats(x.reals()?)
        }
        (DataType::Bool, _) => Elements::Integers(x.reals()?.into_iter().map(|x| i64::from(x != 0.0)).collect()),
        (
            DataType::Int64 | DataType::Int32 | DataType::Int16 | DataType::Int8 | DataType::Uint8,
            Elements::Integers(x),
        ) => Elements::Integers(x.clone()),
        (DataType::Int64 | DataType::Int32 | DataType::Int16 | DataType::Int8 | DataType::Uint8, _) => {
            Elements::Integers(x.reals()?.into_iter().map(|x| x.trunc() as i64).collect())
        }
        _ => return None,
    };
    Some(Constant { elements, ..x.clone() })
}

fn choose(site: &Site, condition: &Constant, yes: &Constant, no: &Constant) -> Result<Constant, GraphError> {
    let refuse = || GraphError::node(site, "its inputs do not broadcast, or are of different types", DAMAGED);
    let dims = broadcast_dims(&yes.dims, &no.dims)
        .and_then(|dims| broadcast_dims(&condition.dims, &dims))
        .filter(|dims| count(dims).is_some())
        .ok_or_else(refuse)?;
    let at = |constant: &Constant| broadcast_indices(&constant.dims, &dims);
    let bits = condition.integers().ok_or_else(refuse)?;
    let chosen = at(condition).into_iter().zip(at(yes).into_iter().zip(at(no)));
    let chosen = chosen.map(|(bit, (yes, no))| (bits.get(bit).is_some_and(|&bit| bit != 0), yes, no));
    let elements = match (&yes.elements, &no.elements) {
        (Elements::Integers(a), Elements::Integers(b)) => Elements::Integers(
            chosen.filter_map(|(bit, yes, no)| if bit { a.get(yes) } else { b.get(no) }.copied()).collect(),
        ),
        (Elements::Floats(a), Elements::Floats(b)) => Elements::Floats(
            chosen.filter_map(|(bit, yes, no)| if bit { a.get(yes) } else { b.get(no) }.copied()).collect(),
        ),
        _ => return Err(refuse()),
    };
    Ok(Constant { name: site.name.clone(), dims, elements })
}

fn filled(site: &Site, node: &NodeProto, shape: &Constant) -> Result<Constant, GraphError> {
    let refuse = || GraphError::node(site, "its shape is not one that a constant may have", DAMAGED);
    let dims = shape.integers().ok_or_else(refuse)?;
    let dims = dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<_>>>().ok_or_else(refuse)?;
    let all = count(&dims).ok_or_else(refuse)?;
    let value = match attribute(node, "value").and_then(|value| value.t.as_ref()) {
        Some(tensor) => Constant::of_tensor(&site.name, tensor)?.elements,
        None => Elements::Floats(vec![0.0]),
    };
    let elements = match value {
        Elements::Floats(value) if value.len() == 1 => Elements::Floats(vec![value[0]; all]),
        Elements::Integers(value) if value.len() == 1 => Elements::Integers(vec![value[0]; all]),
        _ => return Err(refuse()),
    };
    Ok(Constant { name: site.name.clone(), dims, elements })
}

fn range(site: &Site, start: &Constant, limit: &Constant, delta: &Constant) -> Result<Constant, GraphError> {
    let refuse = || GraphError::node(site, "its bounds are not integers that make a constant's range", DAMAGED);
    let one = |constant: &Constant| match constant.integers() {
        Some(&[value]) => Ok(value),
        _ => Err(refuse()),
    };
    let (start, limit, delta) = (one(start)?, one(limit)?, one(delta)?);
    let span = limit.checked_sub(start).ok_or_else(refuse)?;
    let step = if delta == 0 { return Err(refuse()) } else { delta };
    let whole = span.checked_div(step).ok_or_else(refuse)?;
    let steps = if whole.checked_mul(step) == Some(span) { whole } else { whole + 1 };
    let steps = if (span < 0) == (step < 0) { usize::try_from(steps).map_err(|_| refuse())? } else { 0 };
    count(&[steps]).ok_or_else(refuse)?;
    let values = (0..steps as i64).map(|at| start.wrapping_add(at.wrapping_mul(step))).collect();
    Ok(Constant { name: site.name.clone(), dims: vec![steps], elements: Elements::Integers(values) })
}

fn product(site: &Site, a: &Constant, b: &Constant) -> Result<Constant, GraphError> {
    let refuse = || GraphError::node(site, "it multiplies constants that are not two matrices that fit", DAMAGED);
    let (&[rows, inner], &[also_inner, columns]) = (&a.dims[..], &b.dims[..]) else { return Err(refuse()) };
    let all = count(&[rows, columns]).filter(|_| inner == also_inner && inner > 0 && columns > 0).ok_or_else(refuse)?;
    let work = all.checked_mul(inner).filter(|&work| work <= 1 << 28).ok_or_else(refuse)?;
    let (first, second) = (a.numbers()?, b.numbers()?);
    let mut data = Vec::with_capacity(work / inner);
    for row in first.chunks_exact(inner) {
        data.extend((0..columns).map(|column| {
            let of_column = second.iter().skip(column).step_by(columns);
            row.iter().zip(of_column).map(|(a, b)| a * b).sum::<f64>()
        }));
    }
    Ok(Constant { name: site.name.clone(), dims: vec![rows, columns], elements: Elements::Floats(data) })
}
