// Opens /export/head.glb as any viewer does, shows it at some times, and measures it against the PLY meshes beside it.
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { PLYLoader } from "three/addons/loaders/PLYLoader.js";

const WIDTH = 400, HEIGHT = 460;

function lights() {
  const key = new THREE.DirectionalLight(0xffffff, 2.4), rim = new THREE.DirectionalLight(0xbfd4ff, 1.2);
  key.position.set(-0.6, 0.8, 1);
  rim.position.set(1, 0.3, -0.2);
  return [key, rim, new THREE.AmbientLight(0xffffff, 0.5)];
}

// A camera that looks at the middle of where the head is at all the times, so that its movement shows.
function framed(centres) {
  const middle = centres.reduce((sum, point) => sum.add(point), new THREE.Vector3()).divideScalar(centres.length);
  const camera = new THREE.PerspectiveCamera(24, WIDTH / HEIGHT, 0.05, 10);
  camera.position.set(middle.x, middle.y, middle.z + 0.85);
  camera.lookAt(middle);
  return camera;
}

function worldVertices(mesh) {
  const points = [];
  for (let index = 0; index < mesh.geometry.attributes.position.count; index++) {
    points.push(mesh.getVertexPosition(index, new THREE.Vector3()).applyMatrix4(mesh.matrixWorld));
  }
  return points;
}

// Largest distance, millimetres, between the animated head and the mesh that was written for the same frame.
async function distance(mesh, file) {
  const expected = (await new PLYLoader().loadAsync(`/export/meshes/${file}`)).attributes.position;
  const found = worldVertices(mesh);
  if (expected.count !== found.length) return Infinity;
  return 1000 * Math.max(...found.map((point, index) => point.distanceTo(new THREE.Vector3().fromBufferAttribute(expected, index))));
}

window.photograph = async (shown, compared) => {
  const gltf = await new GLTFLoader().loadAsync("/export/head.glb");
  const scene = new THREE.Scene(), mixer = new THREE.AnimationMixer(gltf.scene);
  scene.background = new THREE.Color(0x20242a);
  scene.add(gltf.scene, ...lights());
  mixer.clipAction(gltf.animations[0]).setLoop(THREE.LoopOnce).play();
  mixer.clipAction(gltf.animations[0]).clampWhenFinished = true;
  let mesh;
  gltf.scene.traverse((object) => { if (object.isMesh) mesh = object; });
  const at = (time) => {
    mixer.setTime(time);
    scene.updateMatrixWorld(true);
  };
  const centres = shown.map(({ time }) => {
    at(time);
    return new THREE.Box3().setFromPoints(worldVertices(mesh)).getCenter(new THREE.Vector3());
  });
  const camera = framed(centres);
  for (const { time, frame } of shown) {
    at(time);
    const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
    renderer.setSize(WIDTH, HEIGHT);
    renderer.render(scene, camera);
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    caption.textContent = `frame ${frame}, ${time.toFixed(2)} s`;
    figure.append(renderer.domElement, caption);
    document.getElementById("row").append(figure);
  }
  const distances = [];
  for (const { time, file } of compared) {
    at(time);
    distances.push(await distance(mesh, file));
  }
  return {
    vertices: mesh.geometry.attributes.position.count,
    targets: Object.keys(mesh.morphTargetDictionary).length,
    clip: gltf.animations[0].name,
    duration_s: gltf.animations[0].duration,
    tracks: gltf.animations[0].tracks.length,
    distances_mm: distances,
  };
};
window.ready = true;
