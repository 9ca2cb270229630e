// Starts Swagger UI on /docs; in a file of its own, because inline scripts are refused.
window.ui = SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false });
