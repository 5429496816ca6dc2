//! Attributes of ai.onnx.ml operators.

use super::super::super::GraphError;
use super::super::super::constant::Constant;
use super::super::super::node::attribute;
use super::super::context::Context;

impl Context<'_> {
    /// Numbers of an attribute, in either of ONNX's two forms: floats, or a tensor named with `_as_tensor`.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<f64>, GraphError> {
        if let Some(attribute) = attribute(self.node, name) {
            if let Some(tensor) = &attribute.t {
                return Constant::of_tensor(name, tensor)?.numbers();
            }
            return self.finite(name, attribute.floats.iter().map(|&x| f64::from(x)).collect());
        }
        match attribute(self.node, &format!("{name}_as_tensor")).and_then(|attribute| attribute.t.as_ref()) {
            Some(tensor) => Constant::of_tensor(name, tensor)?.numbers(),
            None => Ok(vec![]),
        }
    }

    /// Integers of an attribute.
    pub(super) fn ints(&self, name: &str) -> Vec<i64> {
        attribute(self.node, name).map_or(vec![], |attribute| attribute.ints.clone())
    }

    /// Texts of an attribute.
    pub(super) fn strings(&self, name: &str) -> Vec<String> {
        let texts = attribute(self.node, name).map_or(&[][..], |attribute| &attribute.strings);
        texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
    }

    /// Text of an attribute.
    pub(super) fn string(&self, name: &str, default: &str) -> String {
        attribute(self.node, name)
            .map_or_else(|| default.into(), |attribute| String::from_utf8_lossy(&attribute.s).into_owned())
    }

    /// Labels of the classes, whichever of the attributes has them.
    pub(super) fn class_labels(&self, integers: &str) -> Result<Vec<String>, GraphError> {
        let numbers = self.ints(integers);
        let labels = if numbers.is_empty() {
            self.strings("classlabels_strings")
        } else {
            numbers.iter().map(i64::to_string).collect()
        };
        if labels.is_empty() {
            return Err(self.wrong("it names no classes", "export the model again: classlabels are missing"));
        }
        Ok(labels)
    }

    /// Refuses a transform of the scores that changes which is largest, or that this reader does not know.
    pub(super) fn check_post_transform(&self, allowed: &[&str]) -> Result<String, GraphError> {
        let transform = self.string("post_transform", "NONE");
        if allowed.contains(&transform.as_str()) {
            return Ok(transform);
        }
        Err(self.unsupported(format!("post_transform {transform} is not one of {}", allowed.join(", "))))
    }

    fn finite(&self, name: &str, numbers: Vec<f64>) -> Result<Vec<f64>, GraphError> {
        match numbers.iter().position(|number| !number.is_finite()) {
            None => Ok(numbers),
            Some(at) => Err(self.wrong(
                format!("attribute {name} has {} at {at}", numbers[at]),
                "train again: a weight that is not a finite number decides nothing",
            )),
        }
    }
}
