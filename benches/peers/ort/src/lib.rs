//! ONNX Runtime by its C API: one thread, input and output bound once, so that a run copies nothing but the row.
//!
//! The library is at the path in `KINFER_ONNXRUNTIME`.

use std::env;
use std::ffi::{CStr, CString, c_void};
use std::ptr::null_mut;

use libloading::Library;
use ort_sys::{
    GraphOptimizationLevel, ONNXTensorElementDataType, OrtAllocatorType, OrtApi, OrtApiBase, OrtIoBinding,
    OrtLoggingLevel, OrtMemType, OrtSession, OrtStatusPtr, OrtValue,
};
use peer_abi::{Case, Peer};

const MODEL: &str = if cfg!(feature = "int8") { "int8.onnx" } else { "float.onnx" };

struct OnnxRuntime {
    api: &'static OrtApi,
    session: *mut OrtSession,
    binding: *mut OrtIoBinding,
    input: Box<[f32]>,
    output: Box<[f32]>,
    rows: &'static [f32],
    score_scale: f64,
}

impl Peer for OnnxRuntime {
    fn open(case: &Case) -> Result<Self, String> {
        let model = case.dir.join(MODEL);
        if !model.exists() {
            return Err(format!("the case has no {MODEL}: its activations are wider"));
        }
        let path = CString::new(model.to_string_lossy().into_owned()).map_err(|error| error.to_string())?;
        let api = api()?;
        let (mut environment, mut options, mut session, mut memory, mut binding) =
            (null_mut(), null_mut(), null_mut(), null_mut(), null_mut());
        let mut input = vec![0.0; case.inputs].into_boxed_slice();
        let mut output = vec![0.0; case.outputs].into_boxed_slice();
        // SAFETY: calls as the API says, each object made by the one before; all live as long as the program.
        unsafe {
            let log = OrtLoggingLevel::ORT_LOGGING_LEVEL_ERROR;
            check(api, (api.CreateEnv)(log, c"bench".as_ptr(), &mut environment))?;
            check(api, (api.CreateSessionOptions)(&mut options))?;
            check(api, (api.SetIntraOpNumThreads)(options, 1))?;
            check(api, (api.SetInterOpNumThreads)(options, 1))?;
            check(api, (api.SetSessionGraphOptimizationLevel)(options, GraphOptimizationLevel::ORT_ENABLE_ALL))?;
            check(api, (api.CreateSession)(environment, path.as_ptr(), options, &mut session))?;
            let (arena, cpu) = (OrtAllocatorType::OrtArenaAllocator, OrtMemType::OrtMemTypeDefault);
            check(api, (api.CreateCpuMemoryInfo)(arena, cpu, &mut memory))?;
            check(api, (api.CreateIoBinding)(session, &mut binding))?;
            let value = |data: &mut [f32]| {
                let (mut value, shape): (*mut OrtValue, _) = (null_mut(), [1, data.len() as i64]);
                let float = ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
                let (at, bytes) = (data.as_mut_ptr().cast::<c_void>(), size_of_val(data));
                let made =
                    (api.CreateTensorWithDataAsOrtValue)(memory, at, bytes, shape.as_ptr(), 2, float, &mut value);
                check(api, made).map(|()| value)
            };
            check(api, (api.BindInput)(binding, c"x".as_ptr(), value(&mut input)?))?;
            check(api, (api.BindOutput)(binding, c"scores".as_ptr(), value(&mut output)?))?;
            check(api, (api.RunWithBinding)(session, null_mut(), binding))?;
        }
        Ok(Self { api, session, binding, input, output, rows: case.real, score_scale: case.score_scale })
    }

    fn run(&mut self, row: usize) {
        let width = self.input.len();
        self.input.copy_from_slice(&self.rows[row * width..][..width]);
        // SAFETY: session and binding are valid. It ran before, so that its status is not looked at.
        let _ = unsafe { (self.api.RunWithBinding)(self.session, null_mut(), self.binding) };
    }

    fn scores(&self, scores: &mut [f64]) {
        scores.iter_mut().zip(&self.output).for_each(|(score, &real)| *score = f64::from(real) / self.score_scale);
    }
}

fn api() -> Result<&'static OrtApi, String> {
    let path = env::var_os("KINFER_ONNXRUNTIME").ok_or("KINFER_ONNXRUNTIME names no library")?;
    // SAFETY: the library is ONNX Runtime; it stays loaded, so what it gives is valid for ever.
    unsafe {
        let library = Box::leak(Box::new(Library::new(path).map_err(|error| error.to_string())?));
        let base = library
            .get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase\0")
            .map_err(|error| error.to_string())?();
        ((*base).GetApi)(ort_sys::ORT_API_VERSION).as_ref().ok_or_else(|| "this ONNX Runtime is too old".to_owned())
    }
}

fn check(api: &OrtApi, status: OrtStatusPtr) -> Result<(), String> {
    if status.0.is_null() {
        return Ok(());
    }
    // SAFETY: a status that is not null has a message.
    Err(unsafe { CStr::from_ptr((api.GetErrorMessage)(status.0)) }.to_string_lossy().into_owned())
}

peer_abi::peer!(OnnxRuntime);
