/* One visit, one thing per page: is it this person, what the card is, consent, bank, collection, picture, signature, check. Every
   answer is kept sealed as soon as it is given, so that a tab that dies loses nothing. */

import * as vault from "./vault.js";
import { acts, copyOf, errors, say, show } from "./screens.js";
import { PictureWrong, portraitOf } from "./camera.js";
import { signaturePad } from "./signature.js";

const STEPS = ["identify", "read", "consent", "bank", "collection", "photo", "sign", "check"];
const moment = () => new Date().toISOString();

/* A time-ordered number (UUID version 7, RFC 9562). */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let time = Date.now();
  for (let place = 5; place >= 0; place -= 1) {
    bytes[place] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes[6] = (bytes[6] & 15) | 0x70;
  bytes[8] = (bytes[8] & 63) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

export class VisitPages {
  /* home: shows the list again; saved: called when an application was put into the queue. */
  constructor(visit, day, { home, saved }) {
    Object.assign(this, { visit, day, home, saved, draft: null, keepTyped: null });
  }

  async open() {
    this.draft = (await vault.get("draft", this.visit.visit_id)) || { application_id: newId(), step: "identify" };
    await this.go("identify"); // also when it was begun before: somebody else may stand there now
  }

  async keep(answers) {
    Object.assign(this.draft, answers);
    await vault.put("draft", this.visit.visit_id, this.draft);
  }

  /* What is typed and not sent yet, kept before the device locks. */
  async beforeLock() {
    if (this.keepTyped) await this.keep(this.keepTyped());
  }

  async go(step) {
    if (step !== "identify") await this.keep({ step });
    this.keepTyped = null;
    const { visit } = this, place = show("visit-" + step, this.values());
    acts(place, {
      back: () => (step === "identify" ? this.home() : this.go(STEPS[STEPS.indexOf(step) - 1])),
      list: () => this.home(),
      phone: async (event, node) => {
        await this.keep({ has_seen_phone: true });
        node.replaceWith(Object.assign(document.createElement("a"), { href: "tel:" + visit.phone, textContent: visit.phone }));
      },
    });
    this[step](place);
  }

  next(step) { return this.go(STEPS[STEPS.indexOf(step) + 1]); }

  values() {
    const { visit, day } = this, only = visit.banks.length === 1;
    return {
      ...visit, phone: "", masked_phone: visit.phone ? visit.phone.slice(0, 3) + "****" + visit.phone.slice(-4) : say("no_phone"),
      has_phone: Boolean(visit.phone), reason_words: say("reason_" + visit.reason), is_fixed: only, bank_name: only ? this.bankName(visit.banks[0]) : "",
      first_card: !visit.is_replacement, made_within: say("made_within", { days: day.made_within_days }),
      order_note: say("order_note", { day: day.day, digest: day.commitment.slice(0, 16) }), pension: visit.is_pension_bank,
    };
  }

  bankName(code) {
    const names = this.day.banks[code] || [code, code];
    return names[document.documentElement.lang === "en" ? 1 : 0];
  }

  identify(place) {
    const field = place.querySelector("#identity-tail");
    acts(place, {
      next: async () => {
        if (field.value.trim().toUpperCase() !== this.visit.identity_tail) return errors(place, [["identity-tail", say("tail_differs")]]);
        await this.keep({ identified_at: this.draft.identified_at || moment() });
        return this.go(this.draft.step === "identify" ? "read" : this.draft.step);
      },
      not_home: () => this.close("not_home"),
      declined: () => this.close("declined"),
    });
  }

  async close(state) {
    const { visit } = this;
    await vault.change(
      ["closing", visit.visit_id, { state, number: visit.number }], ["visit", visit.visit_id], ["draft", visit.visit_id],
    );
    await this.saved(say("closed_" + state));
  }

  read(place) {
    acts(place, {
      next: () => this.next("read"),
      aloud: () => {
        speechSynthesis.cancel();
        const text = new SpeechSynthesisUtterance(place.querySelector("[data-aloud]").innerText);
        text.lang = document.documentElement.lang;
        text.rate = 0.8;
        speechSynthesis.speak(text);
      },
    });
    for (const node of place.querySelectorAll('[data-act="aloud"]')) node.hidden = !("speechSynthesis" in window);
  }

  consent(place) {
    const application = place.querySelector("#consent-application"), photo = place.querySelector("#consent-photo");
    application.checked = Boolean(this.draft.consents_to_application);
    photo.checked = Boolean(this.draft.consents_to_photo);
    acts(place, {
      next: async () => {
        if (!application.checked) return errors(place, [["consent-application", say("consent_missing")]]);
        await this.keep({ consents_to_application: true, consents_to_photo: photo.checked, ...(photo.checked ? {} : { photo: "" }) });
        return this.next("consent");
      },
    });
  }

  bank(place) {
    const list = place.querySelector("[data-banks]"), only = this.visit.banks.length === 1 ? this.visit.banks[0] : "";
    if (!this.draft.shown_at) this.keep({ shown_at: moment() });
    for (const code of only ? [] : this.visit.banks) {
      const row = copyOf("choice", { label: this.bankName(code) }), input = row.querySelector("input");
      Object.assign(input, { name: "bank", value: code, id: "bank-" + code, checked: this.draft.bank_code === code });
      row.querySelector("label").htmlFor = input.id;
      list.append(row);
    }
    acts(place, {
      next: async () => {
        const chosen = only || list.querySelector("input:checked")?.value;
        if (!chosen) return errors(place, [["bank-" + this.visit.banks[0], say("bank_missing")]]);
        await this.keep({ bank_code: chosen, ...(chosen === this.draft.bank_code ? {} : { outlet_id: "" }) });
        return this.next("bank");
      },
    });
  }

  collection(place) {
    const ways = place.querySelectorAll("[name=collection]"), address = place.querySelector("#address"), outlet = place.querySelector("#outlet");
    const near = this.day.outlets.filter((each) => each.bank === this.draft.bank_code && each.district === this.visit.district);
    for (const each of near) outlet.append(new Option(each.name + (each.is_synthetic ? say("made_up") : ""), each.outlet_id));
    address.value = this.draft.address || "";
    outlet.value = this.draft.outlet_id || "";
    const chosen = () => [...ways].find((each) => each.checked)?.value || "";
    const follow = () => {
      place.querySelector("[data-way=post]").hidden = chosen() !== "post";
      place.querySelector("[data-way=outlet]").hidden = chosen() !== "outlet";
    };
    for (const each of ways) {
      each.checked = each.value === this.draft.collection;
      each.addEventListener("change", follow);
      if (each.value === "outlet") each.disabled = !near.length;
    }
    place.querySelector("[data-no-outlet]").hidden = near.length > 0;
    follow();
    this.keepTyped = () => ({ collection: chosen(), address: address.value, outlet_id: outlet.value });
    acts(place, {
      next: async () => {
        const way = chosen();
        if (!way) return errors(place, [["collection-post", say("collection_missing")]]);
        if (way === "post" && address.value.trim().length < 6) return errors(place, [["address", say("address_missing")]]);
        if (way === "outlet" && !outlet.value) return errors(place, [["outlet", say("outlet_missing")]]);
        await this.keep({
          collection: way, address: way === "post" ? address.value.trim() : "", outlet_id: way === "outlet" ? outlet.value : "",
          outlet_name: way === "outlet" ? outlet.selectedOptions[0].textContent : "",
        });
        return this.next("collection");
      },
    });
  }

  photo(place) {
    const may = Boolean(this.draft.consents_to_photo), preview = place.querySelector("#photo-preview"), file = place.querySelector("#photo-file");
    place.querySelector("[data-may]").hidden = !may;
    place.querySelector("[data-may-not]").hidden = may;
    const shown = () => {
      preview.hidden = !this.draft.photo;
      if (this.draft.photo) preview.src = "data:image/jpeg;base64," + this.draft.photo;
    };
    shown();
    file.addEventListener("change", async () => {
      if (!file.files.length) return;
      try {
        await this.keep({ photo: await portraitOf(file.files[0]) });
        errors(place, []);
      } catch (error) {
        if (!(error instanceof PictureWrong)) throw error;
        errors(place, [["photo-file", say("photo_" + error.message)]]);
      }
      file.value = "";
      shown();
    });
    acts(place, {
      next: () => this.next("photo"),
      without: async () => {
        await this.keep({ photo: "" });
        return this.next("photo");
      },
    });
  }

  sign(place) {
    const ways = place.querySelectorAll("[name=signature_way]"), note = place.querySelector("#signature-note"), notes = place.querySelector("#notes");
    const pad = signaturePad(place.querySelector("#signature"), place.querySelector("[data-clear]"), () => this.keep({ signature: "" }));
    pad.show(this.draft.signature);
    const chosen = () => [...ways].find((each) => each.checked).value;
    const follow = () => {
      place.querySelector("[data-drawn]").hidden = chosen() !== "drawn";
      place.querySelector("[data-noted]").hidden = chosen() === "drawn";
    };
    for (const each of ways) {
      each.checked = each.value === (this.draft.signature_way || "drawn");
      each.addEventListener("change", follow);
    }
    note.value = this.draft.signature_note || "";
    notes.value = this.draft.notes || "";
    follow();
    this.keepTyped = () => ({ signature_way: chosen(), signature_note: note.value, notes: notes.value, ...(pad.base64() ? { signature: pad.base64() } : {}) });
    acts(place, {
      next: async () => {
        const way = chosen(), drawn = way === "drawn" ? pad.base64() || this.draft.signature || "" : "";
        if (way === "drawn" && !drawn) return errors(place, [["way-drawn", say("signature_missing")]]);
        if (way !== "drawn" && note.value.trim().length < 4) return errors(place, [["signature-note", say("note_missing")]]);
        await this.keep({ signature_way: way, signature: drawn, signature_note: way === "drawn" ? "" : note.value.trim(), notes: notes.value.trim() });
        return this.next("sign");
      },
    });
  }

  check(place) {
    const { draft, visit } = this;
    const rows = {
      bank: this.bankName(draft.bank_code),
      collection: say("collection_" + draft.collection) + (draft.address ? "：" + draft.address : draft.outlet_name ? "：" + draft.outlet_name : ""),
      photo: draft.photo ? say("photo_there") : say("photo_none"),
      sign: say("signature_" + draft.signature_way) + (draft.signature_note ? "：" + draft.signature_note : ""),
    };
    for (const [name, words] of Object.entries(rows)) place.querySelector('[data-row="' + name + '"]').textContent = words;
    acts(place, {
      change: (event, node) => this.go(node.dataset.step),
      save: async () => {
        const content = {
          application_id: draft.application_id, visit_id: visit.visit_id, identified_at: draft.identified_at, shown_banks: visit.banks,
          shown_at: draft.shown_at, consents_to_application: true, consents_to_photo: Boolean(draft.consents_to_photo), bank_code: draft.bank_code,
          collection: draft.collection, outlet_id: draft.outlet_id || "", address: draft.address || "", photo: draft.photo || "",
          signature_way: draft.signature_way, signature: draft.signature || "", signature_note: draft.signature_note || "", notes: draft.notes || "",
          has_seen_phone: Boolean(draft.has_seen_phone), completed_at: moment(),
        };
        const queued = { content, number: visit.number, name: visit.name };
        await vault.change(["queue", draft.application_id, queued], ["visit", visit.visit_id], ["draft", visit.visit_id]);
        await this.saved(say("saved"));
      },
    });
  }
}
