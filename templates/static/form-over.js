// Handed in: what the phone kept to show the form without network goes; what was never sent stays and is named.
import * as box from "./form-box.js";

const place = document.querySelector("[data-over]");
const { over } = place.dataset;
box.drop("known", over);
const unsent = (await box.all("answers", over)).length + (await box.all("photos", over)).length;
place.textContent = unsent ? `这台手机上还有 ${unsent} 项没有发出，不在这份结果里。需要补上的，请审核人退回后再打开检查表。` : "";
place.hidden = !unsent;
