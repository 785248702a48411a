"""What is wrong with a photograph and what to do about it, as whoever took it reads it."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from yikatong.issuance.portrait_rules import Fault

FAULT_WORDS: dict[Fault, Promise] = {
    Fault.TOO_LARGE: gettext_lazy("照片超过 10 MB，请选一张小一些的，或用手机直接拍照。"),
    Fault.HEIC: gettext_lazy(
        "这是 HEIC 格式的照片。请在手机“设置 → 相机 → 格式”中选“兼容性最佳”后重拍，或截屏后上传截图。"
    ),
    Fault.NOT_A_PICTURE: gettext_lazy("这个文件不是可用的照片。请用 JPEG、PNG 或 WebP 格式的照片。"),
    Fault.TOO_MANY_PIXELS: gettext_lazy("照片的像素太多，请换一张小一些的。"),
    Fault.TOO_FEW_PIXELS: gettext_lazy("照片太小，至少要 358×441 像素。请用原图，不要用缩略图。"),
    Fault.NO_FACE: gettext_lazy("没有找到人脸。请正对镜头，脸不要被遮住，光线亮一些。"),
    Fault.SEVERAL_FACES: gettext_lazy("照片里不止一张脸。请单独拍照，身后不要有人。"),
    Fault.FACE_TOO_SMALL: gettext_lazy("脸在照片里太小。请走近一些，让头和肩膀占满画面。"),
    Fault.FACE_AT_EDGE: gettext_lazy("头离照片边缘太近。请把头放在画面中间，四周留出空间。"),
    Fault.TILTED: gettext_lazy("头歪了。请让两眼保持水平。"),
    Fault.TURNED: gettext_lazy("脸没有正对镜头。请看着镜头，不要侧脸。"),
    Fault.DARK: gettext_lazy("照片太暗。请面向窗户或灯光。"),
    Fault.BRIGHT: gettext_lazy("脸上太亮、有反光。请避开直射的阳光和闪光灯。"),
    Fault.UNEVEN: gettext_lazy("脸的一半亮一半暗。请让光从正面来。"),
    Fault.BLURRED: gettext_lazy("照片不清楚。请拿稳手机，擦净镜头，对准脸部后再拍。"),
    Fault.BACKGROUND: gettext_lazy("背景不是干净的白色或浅色。请站在白墙前，离墙半米。"),
}
