/* A picture from the camera or a file as the portrait the card takes: upright, cropped to 358:441, at most 716 by 882 points.
   Encoded anew, so that no place and no camera is in it. */

const WIDTH = 358, HEIGHT = 441, LARGE = 2, BYTES_MAX = 600000;

export class PictureWrong extends Error {}

/* Base64 of a JPEG. Throws PictureWrong ("unreadable", "small"). */
export async function portraitOf(file) {
  let picture;
  try { picture = await createImageBitmap(file); } catch { throw new PictureWrong("unreadable"); }
  if (picture.width < WIDTH || picture.height < HEIGHT) throw new PictureWrong("small");
  const width = Math.min(picture.width, picture.height * WIDTH / HEIGHT), height = width * HEIGHT / WIDTH;
  const size = Math.max(1, Math.min(LARGE, width / WIDTH));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(WIDTH * size);
  canvas.height = Math.round(HEIGHT * size);
  canvas.getContext("2d").drawImage(
    picture, (picture.width - width) / 2, (picture.height - height) / 2, width, height, 0, 0, canvas.width, canvas.height,
  );
  for (const quality of [0.9, 0.8, 0.65, 0.5]) {
    const text = canvas.toDataURL("image/jpeg", quality).split(",")[1];
    if (text.length <= BYTES_MAX) return text;
  }
  throw new PictureWrong("unreadable");
}
