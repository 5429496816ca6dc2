//! ONNX files, field by field (the numbers are those of onnx.proto): it is little, and nothing else here needs a protobuf
//! library.

/// A GraphProto under construction.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<Vec<u8>>,
    initializers: Vec<Vec<u8>>,
}

const FLOAT: u64 = 1;
const INT8: u64 = 3;
const INT32: u64 = 6;

impl Graph {
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[Attribute]) {
        self.push(operator, "", inputs, &[output], attributes);
    }

    pub(super) fn ml_node(&mut self, operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Attribute]) {
        self.push(operator, "ai.onnx.ml", inputs, outputs, attributes);
    }

    fn push(&mut self, operator: &str, domain: &str, inputs: &[&str], outputs: &[&str], attributes: &[Attribute]) {
        let mut node = Message::default();
        inputs.iter().for_each(|input| node.bytes(1, input.as_bytes()));
        outputs.iter().for_each(|output| node.bytes(2, output.as_bytes()));
        node.bytes(4, operator.as_bytes());
        attributes.iter().for_each(|attribute| node.bytes(5, &attribute.0.0));
        node.bytes(7, domain.as_bytes());
        self.nodes.push(node.0);
    }

    pub(super) fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) {
        self.tensor(name, dims, FLOAT, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    pub(super) fn int8s(&mut self, name: &str, dims: &[usize], values: &[i8]) {
        self.tensor(name, dims, INT8, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    pub(super) fn int32s(&mut self, name: &str, dims: &[usize], values: &[i32]) {
        self.tensor(name, dims, INT32, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    fn tensor(&mut self, name: &str, dims: &[usize], kind: u64, raw: Vec<u8>) {
        let mut tensor = Message::default();
        dims.iter().for_each(|&dim| tensor.int(1, dim as u64));
        tensor.int(2, kind);
        tensor.bytes(8, name.as_bytes());
        tensor.bytes(9, &raw);
        self.initializers.push(tensor.0);
    }

    /// The ModelProto.
    pub(super) fn finish(self, scores: &str, inputs: usize, outputs: usize) -> Vec<u8> {
        let mut graph = Message::default();
        self.nodes.iter().for_each(|node| graph.bytes(1, node));
        graph.bytes(2, b"case");
        self.initializers.iter().for_each(|tensor| graph.bytes(5, tensor));
        graph.bytes(11, &value("x", inputs));
        graph.bytes(12, &value(scores, outputs));
        let mut model = Message::default();
        model.int(1, 8);
        model.bytes(7, &graph.0);
        for (domain, version) in [("", 17), ("ai.onnx.ml", 3)] {
            let mut opset = Message::default();
            opset.bytes(1, domain.as_bytes());
            opset.int(2, version);
            model.bytes(8, &opset.0);
        }
        model.0
    }
}

/// ValueInfoProto of a float tensor `[1, elements]`.
fn value(name: &str, elements: usize) -> Vec<u8> {
    let mut shape = Message::default();
    for dim in [1, elements] {
        let mut dimension = Message::default();
        dimension.int(1, dim as u64);
        shape.bytes(1, &dimension.0);
    }
    let mut tensor = Message::default();
    tensor.int(1, FLOAT);
    tensor.bytes(2, &shape.0);
    let mut kind = Message::default();
    kind.bytes(1, &tensor.0);
    let mut value = Message::default();
    value.bytes(1, name.as_bytes());
    value.bytes(2, &kind.0);
    value.0
}

/// An AttributeProto.
pub(super) struct Attribute(Message);

impl Attribute {
    fn new(name: &str, kind: u64) -> Self {
        let mut message = Message::default();
        message.bytes(1, name.as_bytes());
        message.int(20, kind);
        Self(message)
    }

    pub(super) fn int(name: &str, value: i64) -> Self {
        let mut attribute = Self::new(name, 2);
        attribute.0.int(3, value as u64);
        attribute
    }

    pub(super) fn string(name: &str, value: &str) -> Self {
        let mut attribute = Self::new(name, 3);
        attribute.0.bytes(4, value.as_bytes());
        attribute
    }

    pub(super) fn floats(name: &str, values: &[f32]) -> Self {
        let mut attribute = Self::new(name, 6);
        let packed: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        attribute.0.bytes(7, &packed);
        attribute
    }

    pub(super) fn ints(name: &str, values: &[i64]) -> Self {
        let mut attribute = Self::new(name, 7);
        values.iter().for_each(|&value| attribute.0.int(8, value as u64));
        attribute
    }

    pub(super) fn strings(name: &str, values: &[&str]) -> Self {
        let mut attribute = Self::new(name, 8);
        values.iter().for_each(|value| attribute.0.bytes(9, value.as_bytes()));
        attribute
    }
}

/// The fields of a protobuf message.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn int(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
