#!/bin/sh
# Makes the samples beside it, as programs write them: needs ffmpeg 5 or later, and python3 with pillow and pillow-heif.
set -eu
cd "$(dirname "$0")"
clip() { ffmpeg -hide_banner -loglevel error -y -bitexact -f lavfi -i testsrc=size=32x32:rate=25:duration=0.12 -map_metadata -1 "$@"; }
still() { clip -frames:v 1 "$@"; }
clip -c:v libx264 -pix_fmt yuv420p clip.mp4
clip -c:v libx264 -pix_fmt yuv420p -movflags faststart faststart.mp4
clip -c:v libx264 -pix_fmt yuv420p -movflags frag_keyframe+empty_moov fragments.mp4
clip -c:v libx264 -pix_fmt yuv420p -movflags frag_keyframe+empty_moov+skip_trailer fragments-open.mp4
clip -c:v mpeg4 clip.mov
clip -c:v mpeg4 -f 3gp clip.3gp
clip -c:v mpeg4 clip.3g2
clip -c:v libx264 -pix_fmt yuv420p clip.m4v
clip -c:v mpeg4 -vtag DIVX clip.avi
clip -c:v libx264 -pix_fmt yuv420p clip.mkv
clip -c:v libx264 -pix_fmt yuv420p -f matroska - | cat > live.mkv
clip -c:v wmv2 clip.wmv
clip -c:v mpeg2video clip.mpg
clip -c:v mpeg2video -f dvd clip.mod
clip -c:v mpeg2video bare.mpg.m2v
clip -c:v mpeg2video clip.m2t.ts
clip -c:v libx264 -pix_fmt yuv420p -mpegts_m2ts_mode 1 clip.mts.m2ts
mv bare.mpg.m2v bare.mpg; mv clip.m2t.ts clip.m2t; mv clip.mts.m2ts clip.mts
clip -c:v libvpx clip.webm
clip -c:v flv clip.flv
clip -c:v libwebp_anim moving.webp
clip -f apng moving.png
clip moving.gif
clip -c:v libaom-av1 -cpu-used 8 -f avif moving.avif
for ending in jpg png bmp ico tga avif jp2 jxl; do still still.$ending; done
still -c:v libwebp still.webp
still -compression_algo raw still.tiff
still -f mpjpeg part.mjpeg
python3 - <<'PYTHON'
from PIL import Image
import pillow_heif
pillow_heif.register_heif_opener()
picture = Image.open("still.png").convert("RGB")
picture.save("still.heic", quality=10)
two = pillow_heif.from_pillow(picture); two.add_from_pillow(picture.rotate(90)); two.save("two.heic", quality=10)
picture.save("progressive.jpg", progressive=True)
picture.save("two.mpo", format="MPO", save_all=True, append_images=[picture.rotate(90)])
picture.save("two.tiff", save_all=True, append_images=[picture], compression="tiff_lzw")
PYTHON
