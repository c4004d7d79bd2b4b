"""Opens an export's animated files in Blender and compares them with its PLY meshes; renders the GLB, if asked.

Runs in an environment of its own, with ``pip install bpy==4.5.15`` (Python 3.11; Blender is GPL, and no part of this
project)::

    dphm export TRACK --out EXPORT --mesh-format ply,glb,usd,pc2,mdd --codes none
    python tools/blender_check.py EXPORT [PICTURE.png]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

MOST_MM = 0.11
"""The basis of a GLB comes within 0.1 mm."""
FPS = 30
Z_UP = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
"""The default axes of an export → Blender's."""
SHOWN = (1 / 3, 2 / 3, 1.0)
"""Parts of the sequence after which there is a picture."""
PICTURE = (285, 330)


def empty_scene() -> None:
    """Begin anew, at the recording's frame rate."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = FPS


def point_cache(folder: Path, kind: str) -> None:
    """Import the mesh beside a point cache and let that move it."""
    bpy.ops.wm.obj_import(filepath=str(folder / "head_rest.obj"))
    modifier = the_head().modifiers.new("cache", "MESH_CACHE")
    modifier.cache_format, modifier.filepath = kind.upper(), str(folder / f"head.{kind}")


IMPORTERS: dict[str, Callable[[Path], object]] = {
    "glb": lambda folder: bpy.ops.import_scene.gltf(filepath=str(folder / "head.glb")),
    "usd": lambda folder: bpy.ops.wm.usd_import(filepath=str(folder / "head.usd")),
    "pc2": lambda folder: point_cache(folder, "pc2"),
    "mdd": lambda folder: point_cache(folder, "mdd"),
}


def the_head() -> Any:
    """The only mesh of the scene."""
    return next(thing for thing in bpy.data.objects if thing.type == "MESH")


def world_vertices(head: Any) -> np.ndarray:
    """Vertices (V, 3) as they are at the current frame, modifiers and shape keys done."""
    evaluated = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
    vertices = evaluated.to_mesh().vertices
    points = np.empty(3 * len(vertices), np.float32)
    vertices.foreach_get("co", points)
    matrix = np.array(evaluated.matrix_world)
    return points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def written_vertices(path: Path) -> np.ndarray:
    """Vertices (V, 3) of a PLY file with normals, in Blender's axes."""
    content = path.read_bytes()
    header, _, body = content.partition(b"end_header\n")
    count = int(header.split(b"element vertex ")[1].split()[0])
    return np.frombuffer(body, "<f4", 6 * count).reshape(count, 6)[:, :3] @ Z_UP.T


def worst_mm(files: list[Path]) -> float:
    """Largest distance between what Blender shows at a frame and the mesh of that number."""
    worst = 0.0
    for file in files:
        bpy.context.scene.frame_set(int(file.stem))
        found, expected = world_vertices(the_head()), written_vertices(file)
        if found.shape != expected.shape:
            return math.inf
        worst = max(worst, 1000 * float(np.linalg.norm(found - expected, axis=1).max()))
    return worst


def light(place: Vector, offset: tuple[float, float, float], watts: float) -> None:
    """Put an area light that shines on a place."""
    lamp = bpy.data.lights.new("light", "AREA")
    lamp.energy, lamp.size = watts, 0.5
    thing = bpy.data.objects.new("light", lamp)
    bpy.context.collection.objects.link(thing)
    thing.location, thing.rotation_euler = place + Vector(offset), (-Vector(offset)).to_track_quat("-Z", "Y").to_euler()


def render(files: list[Path], picture: Path) -> None:
    """Render the head at some frames, to PICTURE_00025.png and others."""
    scene = bpy.context.scene
    middle = Vector(np.mean([written_vertices(file).mean(axis=0) for file in files], axis=0).tolist())
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    scene.camera.data.lens = 75
    scene.camera.location = middle + Vector((0, -0.95, -0.02))
    scene.camera.rotation_euler = (math.pi / 2, 0, 0)
    for offset, watts in (((-0.6, -0.9, 0.6), 18), ((0.9, -0.2, 0.3), 10), ((0, -1.2, -0.3), 4)):
        light(middle, offset, watts)
    scene.world = bpy.data.worlds.new("world")
    scene.world.color = (0.03, 0.035, 0.045)
    scene.render.engine, scene.cycles.samples = "CYCLES", 24
    scene.render.resolution_x, scene.render.resolution_y = PICTURE
    scene.view_settings.view_transform = "Standard"
    for part in SHOWN:
        file = files[round(part * (len(files) - 1))]
        scene.frame_set(int(file.stem))
        scene.render.filepath = str(picture.with_stem(f"{picture.stem}_{file.stem}").absolute())
        bpy.ops.render.render(write_still=True)


def main(folder: Path, picture: Path | None) -> int:
    """Compare every animated file that is there; 1 where one of them differs."""
    files = sorted((folder / "meshes").glob("*.ply"))
    worst = {}
    for kind, importer in IMPORTERS.items():
        if (folder / f"head.{kind}").is_file():
            empty_scene()
            importer(folder)
            worst[kind] = worst_mm(files)
    if picture is not None:
        empty_scene()
        IMPORTERS["glb"](folder)
        render(files, picture)
    for kind, distance in worst.items():
        sys.stdout.write(f"{kind:14}{distance:.4f} mm at most, over {len(files)} frames\n")
    return int(max(worst.values()) > MOST_MM)


if __name__ == "__main__":
    words = [Path(word) for word in sys.argv[1:]]
    sys.exit(main(words[0], words[1] if len(words) > 1 else None))
