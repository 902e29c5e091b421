// Starts Swagger UI. Most of this says again what its defaults are, so that no release changes it.
SwaggerUIBundle({
  url: "/openapi.json",
  domNode: document.getElementById("docs"),
  queryConfigEnabled: false, // ?url= and ?configUrl= would load a stranger's description
  validatorUrl: null, // would send ours to a third party
  oauth2RedirectUrl: null,
  persistAuthorization: false, // a token in localStorage outlives the page
  withCredentials: false,
  deepLinking: false,
});
