// Photos are made smaller on the phone; when and where they were taken stays in them.

const LONGEST = 1600; // pixels of the longer side
const QUALITY = 0.85;

// The Exif segment of a JPEG, its orientation set to upright (the canvas has turned the picture already); or null.
const exifOf = (bytes) => {
  const view = new DataView(bytes);
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; at + 4 <= view.byteLength && view.getUint8(at) === 0xff;) {
    const marker = view.getUint8(at + 1);
    const length = view.getUint16(at + 2);
    const end = at + 2 + length;
    if (marker === 0xda || length < 2 || end > view.byteLength) return null;
    if (marker === 0xe1 && length > 16 && view.getUint32(at + 4) === 0x45786966) {
      const segment = bytes.slice(at, end);
      standUpright(new DataView(segment, 10));
      return segment;
    }
    at = end;
  }
  return null;
};

const standUpright = (tiff) => {
  const little = tiff.getUint16(0) === 0x4949;
  const first = tiff.getUint32(4, little);
  if (first + 2 > tiff.byteLength) return;
  for (let n = 0, at = first + 2; n < tiff.getUint16(first, little) && at + 12 <= tiff.byteLength; n += 1, at += 12) {
    if (tiff.getUint16(at, little) === 0x0112) tiff.setUint16(at + 8, 1, little);
  }
};

export const compress = async (file) => {
  if (!file.type.startsWith("image/")) return file;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const small = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", QUALITY); });
    if (!small || (small.size >= file.size && file.type === "image/jpeg")) return file;
    const exif = exifOf(await file.slice(0, 256 * 1024).arrayBuffer());
    return exif ? new Blob([small.slice(0, 2), exif, small.slice(2)], { type: "image/jpeg" }) : small;
  } catch {
    return file; // a kind this browser cannot decode: the server looks at it
  }
};

// Where the phone is, if it may be asked without a question and answers soon; else null.
export const whereSilently = () => new Promise((resolve) => {
  if (!navigator.permissions || !navigator.geolocation) { resolve(null); return; }
  navigator.permissions.query({ name: "geolocation" }).then((may) => {
    if (may.state !== "granted") { resolve(null); return; }
    navigator.geolocation.getCurrentPosition((at) => resolve(at.coords), () => resolve(null), { timeout: 3000, maximumAge: 60000 });
  }, () => resolve(null));
});

export const where = () => new Promise((resolve) => {
  if (!navigator.geolocation) { resolve(null); return; }
  navigator.geolocation.getCurrentPosition((at) => resolve(at.coords), () => resolve(null), { timeout: 10000, enableHighAccuracy: true });
});

export const canScan = "BarcodeDetector" in window;
export const scan = async (file) => {
  const found = await new window.BarcodeDetector().detect(await createImageBitmap(file));
  return found.length ? found[0].rawValue : "";
};
