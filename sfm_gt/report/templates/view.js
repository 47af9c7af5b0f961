// Camera path, frame slider and colours, added to the viewer of trimesh: its globals are scene, camera, controls, renderer,
// render and THREE.
const view = JSON.parse(document.getElementById("view").textContent);
const [colour, slider, said] = ["select", "input", "output"].map((name) => document.querySelector(name));
const PATH = 0x2f7fd0, FRUSTUM = 0xd9822b, POINT_PX = 3, TURN_RAD = 0.08, ZOOM = 1.1;

function lines(kind, positions, rgb) {
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.Float32BufferAttribute(positions, 3));
  const drawn = new kind(geometry, new THREE.LineBasicMaterial({ color: rgb }));
  scene.add(drawn);
  return drawn;
}

function addCameras() {
  lines(THREE.Line, view.frames.flatMap((frame) => frame.centre), PATH);
  const frustum = lines(THREE.LineSegments, view.frustum, FRUSTUM);
  frustum.matrixAutoUpdate = false;
  const show = () => {
    const frame = view.frames[slider.value];
    frustum.matrix.set(...frame.view_from_cam);
    frustum.matrixWorldNeedsUpdate = true;
    said.value = slider.ariaValueText = `${frame.index}, ${frame.time_s.toFixed(2)} s`;
    render();
  };
  slider.addEventListener("input", show);
  show();
}

function addColours(cloud) {
  cloud.material.size = POINT_PX * window.devicePixelRatio;
  const bytes = Uint8Array.from(atob(view.sigma_rgb), (letter) => letter.charCodeAt(0));
  const colours = { image: cloud.geometry.attributes.color, sigma: new THREE.BufferAttribute(bytes, 3, true) };
  colour.addEventListener("change", () => {
    cloud.geometry.setAttribute("color", colours[colour.value]);
    document.querySelector(".colours").hidden = colour.value !== "sigma";
    render();
  });
}

function addKeys(canvas) {
  document.querySelector("main").prepend(canvas);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", document.title);
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const away = camera.position.clone().sub(controls.target);
    if (event.key in steps) {
      const round = new THREE.Spherical().setFromVector3(away);
      round.theta += TURN_RAD * steps[event.key][0];
      round.phi += TURN_RAD * steps[event.key][1];
      away.setFromSpherical(round.makeSafe());
    } else if ("+-".includes(event.key)) away.multiplyScalar(event.key === "+" ? 1 / ZOOM : ZOOM);
    else return;
    event.preventDefault();
    camera.position.copy(controls.target).add(away);
    controls.update();
  });
}

function colourGround() {
  scene.background.set(getComputedStyle(document.body).backgroundColor);
  render();
}

THREE.DefaultLoadingManager.onLoad = () => {
  controls.target.fromArray(view.target);
  // A window higher than wide sees less of the scene at the same distance.
  const away = camera.position.clone().sub(controls.target).multiplyScalar(Math.max(1, 1 / camera.aspect));
  camera.position.copy(controls.target).add(away);
  addColours(scene.getObjectByName("points"));
  addCameras();
  addKeys(renderer.domElement);
  colourGround();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colourGround);
  controls.update();
};
